"""Decision records: make, log, read, summarize and replay them."""

from ._authzen import to_authzen
from ._logging import DecisionLogger
from ._reading import BrokenLine, open_log, read_records
from ._record import DecisionRecord, RecordedReason, arrow_schema, schema
from ._recording import record
from ._replay import Replay, Replayed, replay, replay_each
from ._summary import ReasonTally, Summary, Tally, summarize

__all__ = [
    "BrokenLine",
    "DecisionLogger",
    "DecisionRecord",
    "ReasonTally",
    "RecordedReason",
    "Replay",
    "Replayed",
    "Summary",
    "Tally",
    "arrow_schema",
    "open_log",
    "read_records",
    "record",
    "replay",
    "replay_each",
    "schema",
    "summarize",
    "to_authzen",
]
