"""Exports: lists as files, and whom each was made for."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from ecoklit.ports.reading import AsOf

LIST_COLUMNS: Final = (
    "voter", "nkk", "nik", "name", "birth_place", "birth_date", "marital", "sex", "address", "rt", "rw", "disability",
    "ektp", "remark", "source", "tps", "first_tps", "attempts", "conflicts", "proposed",
)  # fmt: skip
"""The columns of an exported list: those of the view voter_list, without the regency."""

ListRow = Any
"""One voter's values of LIST_COLUMNS, as a sequence of whatever kind a store has at hand: texts or None, `attempts` a
number, the last two lists of words or None."""


class ExportedRoll(NamedTuple):
    """The roll of one TPS: its digest, and everybody on its list by name."""

    digest: bytes
    rows: Sequence[ListRow]


class ExportSource(Protocol):
    """The lists of one regency at one moment, whatever is projected meanwhile. One caller at a time."""

    as_of: AsOf
    registry: int
    """The registry position that the lists were judged by."""

    async def tps(self, area: str) -> list[str]:
        """Every TPS of the area on whose roll somebody stands, on the list or off, by code; perhaps others."""
        ...

    async def roll(self, tps: str) -> ExportedRoll: ...


class TableColumn(NamedTuple):
    """A column of a table: `kind` is text, words, integer, number, boolean, day or event."""

    name: str
    kind: str


class ListHead(NamedTuple):
    """What is written over an exported list: which export it is, for whom, of what, and when it was asked for.

    `columns` are those of a table; without them it is a list of voters, with LIST_COLUMNS.
    """

    export: str
    recipient: str
    area: str
    as_of: AsOf
    asked_at: str
    what: str = "roll"
    columns: tuple[TableColumn, ...] = ()
    codebook: str = "2024"


class ListFile(Protocol):
    """One file of an export that is being written, TPS by TPS. Not in sight before `ExportFiles.finished`."""

    def write(self, tps: str, digest: bytes, rows: Sequence[ListRow]) -> None: ...

    def close(self, digest: bytes) -> None:
        """All is written, and on disk when this returns; `digest` is that of the file's area."""
        ...


class FinishedFile(NamedTuple):
    """A file that is whole: its size, and its SHA-256 as hex."""

    bytes: int
    sha256: str


class ExportFiles(Protocol):
    """Where an export is kept: its files, each whole or absent, and what is said of it."""

    def held(self) -> AbstractContextManager[None]:
        """Nobody else writes here while the block runs. Raises EcoklitError export_in_use when somebody does."""
        ...

    def about(self) -> bytes | None:
        """What `keep` kept last; None when there is nothing yet."""
        ...

    def keep(self, about: bytes) -> None:
        """Say this of the export from now on; on disk when it returns."""
        ...

    def begin(self, name: str, head: ListHead) -> ListFile:
        """Write a file, in place of what was left of it."""
        ...

    def finished(self, name: str) -> FinishedFile:
        """The file of that name, which was closed, is whole and in sight from now on."""
        ...

    def read(self, name: str, start: int, bytes_max: int) -> bytes:
        """Bytes of a file that is whole, from `start` on; none at its end."""
        ...

    def forget(self) -> None:
        """Take away all of it. Again changes nothing."""
        ...


class ExportJob(NamedTuple):
    """An export as the office's books have it. `secret` is what its watermark is made with."""

    export: str
    account: str
    login: str
    area: str
    format: str
    events: int
    unmasked: bool
    asked_at: datetime
    state: str
    parts: int
    rows: int
    secret: bytes
    what: str = "roll"


class ExportJobs(Protocol):
    """The office's books of exports: no rebuild touches them, and nothing is ever taken out of them."""

    async def begin(self, job: ExportJob, approval: str | None) -> None: ...

    async def find(self, export: str) -> ExportJob | None: ...

    async def advance(self, export: str, state: str, parts: int, rows: int, digest: bytes | None) -> None:
        """How far an export is: running, done, failed or expired; durable on return."""
        ...

    async def all(self) -> list[ExportJob]:
        """Every export ever made, the earliest first."""
        ...
