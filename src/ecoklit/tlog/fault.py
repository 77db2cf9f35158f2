"""What is wrong with something of a log, by name."""

from __future__ import annotations

from typing import Final

from ecoklit.errors import EcoklitError

BAD_NOTE: Final = "bad_note"
BAD_LOG_KEY: Final = "bad_log_key"
BAD_CHECKPOINT: Final = "bad_checkpoint"
BAD_TILE: Final = "bad_tile"
BAD_BUNDLE: Final = "bad_bundle"
BAD_ENTRY: Final = "bad_entry"
BAD_PROOF: Final = "bad_proof"
BAD_POLICY: Final = "bad_policy"
BAD_REQUEST: Final = "bad_request"
UNSIGNED: Final = "unsigned_note"
UNKNOWN_LOG: Final = "unknown_log"
NO_QUORUM: Final = "no_quorum"
NOT_LOGGED: Final = "not_logged"


class LogFault(EcoklitError):
    """Something of a log is not what it must be; the code is one of the names above."""
