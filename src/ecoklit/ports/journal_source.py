"""A journal to read, wherever it is: the live one, or one that was exported. Nothing is believed of either."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ecoklit.core.segment import Index, Message, Part, Segment
from ecoklit.errors import EcoklitError
from ecoklit.ports.journal import EventMessage, PersonMessage, Position
from ecoklit.ports.registry import RegistryMessage


class JournalReader(Protocol):
    """What `Journal` lets everybody read."""

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        """As `Journal.read_events`."""
        ...

    async def read_persons(self, after: int, limit: int) -> list[PersonMessage]:
        """As `Journal.read_persons`; of a journal that was exported without its persons, none."""
        ...

    async def last(self) -> Position:
        """As `Journal.last`."""
        ...


class RegistryReader(Protocol):
    """What `RegistryJournal` lets everybody read."""

    async def read(self, after: int, limit: int) -> Sequence[RegistryMessage]:
        """As `RegistryJournal.read`."""
        ...

    async def last(self) -> int:
        """As `RegistryJournal.last`."""
        ...


class JournalSource(NamedTuple):
    """The journal and the registry of one election and regency."""

    election: str
    regency: str
    journal: JournalReader
    registry: RegistryReader
    has_persons: bool


class SegmentSource(Protocol):
    """An exported journal, to read: a folder, or an address that serves one."""

    def index(self) -> Index:
        """Raises EcoklitError no_export, export_damaged; log_unavailable when it cannot be asked."""
        ...

    def read(self, part: Part) -> Segment:
        """Raises SegmentDamaged when the file is not what the index says."""
        ...


class SegmentStore(SegmentSource, Protocol):
    """A folder that an export goes into. What is not in the index does not count."""

    def index_or_none(self) -> Index | None: ...

    def put(self, stream: str, messages: Sequence[Message]) -> Part:
        """Write a segment, durably."""
        ...

    def commit(self, index: Index) -> None:
        """Replace the index, durably, at once."""
        ...


class SegmentDamaged(EcoklitError):
    """A file of an exported journal is not there, or not what the index says. Names the file."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__("export_damaged", f"{file} {what}: take a fresh copy of the export.")
        self.file = file
