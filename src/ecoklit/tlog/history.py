"""What a witness remembers: each request that it took, with its own cosignature, one after the other in one file.

The file proves itself: whoever reads it judges every request again, from the first on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ecoklit.tlog.checkpoint import Checkpoint, read_checkpoint
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.note import Note, VerifierKey, verified
from ecoklit.tlog.witness import Request, judge_request, read_request

BAD_HISTORY: Final = "bad_history"


class Seen(NamedTuple):
    """The last checkpoint of a log that was cosigned, and the note that its log signed."""

    checkpoint: Checkpoint
    note: Note


def record_of(request: Request) -> bytes:
    """A request with the cosignature under it, as it is kept."""
    return request.written + b"\n"


def records_in(data: bytes) -> tuple[list[bytes], int]:
    """The records of a history, and how many of its bytes they take: less than all when the last was cut off, which
    nobody was told of."""
    parts = data.split(b"\n\n")
    whole = (len(parts) - 1) // 3
    records = [b"\n\n".join(parts[3 * nth : 3 * nth + 3]) + b"\n" for nth in range(whole)]
    return records, sum(len(record) + 1 for record in records)


def replay(records: Iterable[bytes], witness: VerifierKey, logs: Iterable[VerifierKey]) -> Iterator[Seen]:
    """What was seen, in order. Raises LogFault bad_history at a record that this witness would not have made."""
    keys = {log.name: log for log in logs}
    latest: dict[str, Checkpoint] = {}
    for number, record in enumerate(records, 1):
        try:
            request = read_request(record)
            origin = read_checkpoint(request.note.text).origin
            checkpoint = judge_request(keys.get(origin), latest.get(origin), request)
            verified(request.note, [witness])
        except LogFault as fault:
            raise LogFault(
                BAD_HISTORY,
                f"Record {number} of the history is not as this witness wrote it ({fault.message.rstrip('.')}): "
                "restore the file from a copy before anything is cosigned.",
            ) from None
        latest[origin] = checkpoint
        yield Seen(checkpoint, request.note)
