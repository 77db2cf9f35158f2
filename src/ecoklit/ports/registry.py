"""The registry's journal (SPEC §8): every registry event ever accepted of ONE election and ONE regency."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from ecoklit.ports.journal import Stale, Stored


class RegistryHead(NamedTuple):
    """The last held registry event of a device: its seq, its hash and its position."""

    seq: int
    hash: bytes
    sequence: int


class RegistryMessage(NamedTuple):
    """One stored registry event: its position, whose log it is in, and the whole signed line without its break."""

    sequence: int
    device: str
    payload: bytes


@runtime_checkable
class RegistryJournal(Protocol):
    """The registry of one election and one regency: a log for each device, and one order over all of them.

    A *registry position* is the stream sequence of an event in it. Consistency, durability, concurrency and trust are
    those of `Journal`: each device's log is gapless, all readers see one order, and a broker that lies can lose lines
    but not forge one, since each is signed by itself.
    """

    async def append(self, device: str, after: int, lines: Sequence[bytes]) -> Stored | Stale:
        """Store the next lines of a device's log, all or none; durable on return.

        `after` is the position of its last held line (`RegistryHead.sequence`), 0 when it has none. Raises as
        `Journal.append`; what is appended again is answered `Stored` or `Stale`, and stands there once.
        """
        ...

    async def head(self, device: str) -> RegistryHead | None:
        """The last held registry event of a device, or None. Sees every append that returned before the call."""
        ...

    async def read(self, after: int, limit: int) -> list[RegistryMessage]:
        """The lines with a position above `after`, in order, without a hole; at most `limit`, [] at the end.

        As `Journal.read_events`.
        """
        ...

    async def last(self) -> int:
        """The position of the last stored line, 0 when there is none. Sees every append that returned before."""
        ...
