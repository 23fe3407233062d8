"""A fixture for all tests of records: every line that is written is valid under the schema of the package."""

import json
from collections.abc import Iterator

import pytest

from escalation_policy.records import DecisionRecord
from support import VALIDATOR


@pytest.fixture(autouse=True, scope="module")
def every_record_is_valid() -> Iterator[None]:
    """Check each record that is written against the schema."""
    to_json = DecisionRecord.to_json

    def checked(record: DecisionRecord) -> str:
        line = to_json(record)
        if VALIDATOR is not None:
            VALIDATOR.validate(json.loads(line))
        return line

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DecisionRecord, "to_json", checked)
        yield
