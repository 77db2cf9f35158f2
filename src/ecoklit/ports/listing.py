"""The listing index: what an office device remembers of the lists that it imported. Owned by the import."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from ecoklit.ports.journal import Position


class KnownRow(msgspec.Struct, frozen=True, gc=False):
    """A row that was listed, by its keyed marks (core.row_mark); nothing in it can be read back.

    `device` and `seq` name the latest `listed` event about it; `nik` is b"" when the row has none.
    """

    row: bytes
    tps: str
    voter: str
    device: str
    seq: int
    nik: bytes
    fields: bytes


class LogEnd(msgspec.Struct, frozen=True):
    """The last event of the office device's log: its seq (0 for none) and its hash."""

    seq: int
    hash: bytes


@runtime_checkable
class ListingIndex(Protocol):
    """The office device's memory of its lists, and its outbox. One import at a time may hold it open.

    Trust: a lost index is learned again from the journal's `listed` events. What was held and never pushed is
    lost with it: the list file is imported again, and those rows are listed anew.
    """

    def log_end(self) -> LogEnd:
        """The end of the device's own log, with what still waits in the outbox."""
        ...

    def position(self) -> Position:
        """How far the journal has been learned."""
        ...

    def known(self, tps: str) -> dict[bytes, KnownRow]:
        """The known rows of one TPS, by their mark."""
        ...

    def rows_by_tps(self, village: str) -> dict[str, int]:
        """How many rows are known of each TPS of a village that has any, by code."""
        ...

    def with_nik(self, niks: Sequence[bytes]) -> dict[bytes, list[KnownRow]]:
        """The known rows that have one of these NIK marks, by that mark."""
        ...

    def hold(self, rows: Sequence[KnownRow], lines: Sequence[bytes], end: LogEnd) -> None:
        """Remember rows and put their wire lines into the outbox: all or nothing, durable on return."""
        ...

    def waiting(self, limit: int) -> list[bytes]:
        """The first lines of the outbox, in the order of the log."""
        ...

    def release(self, seq: int) -> None:
        """Drop the lines up to `seq` from the outbox: the journal holds them."""
        ...

    def learn(self, rows: Sequence[KnownRow], end: LogEnd, position: Position) -> None:
        """Remember what the journal says up to `position`; `end` as `log_end`. All or nothing."""
        ...
