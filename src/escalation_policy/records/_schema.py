"""The schema: what the JSON of a record looks like, for whoever reads it with other tools."""

import json
from importlib.resources import files
from typing import Any, cast


def schema() -> dict[str, Any]:
    """Gives the JSON Schema (draft 2020-12) of records, a new copy each time.

    It stands in the package as `decision-record.schema.json`, beside this module.
    """
    text = files("escalation_policy.records").joinpath("decision-record.schema.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))
