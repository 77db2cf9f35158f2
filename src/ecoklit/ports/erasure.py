"""What an erasure needs of the world (SPEC §8.7): to find persons, and to destroy them."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from ecoklit.ports.journal import PersonMessage, Position

IsErased = Callable[[str], bool]
"""Whether nobody may keep the persons of this voter."""


class PersonStream(Protocol):
    """The journal's persons, as `Journal` has them, and where the copies of some lie."""

    async def read_persons(self, after: int, limit: int) -> list[PersonMessage]: ...

    async def persons_at(self, dots: Collection[tuple[str, int]]) -> list[int]:
        """The stream sequences of every stored copy of the persons of these events. Raises JournalUnavailable."""
        ...

    async def last(self) -> Position: ...


class PersonShredder(Protocol):
    """Who may delete from the stream of persons; nobody else may."""

    async def shred(self, sequences: Sequence[int]) -> None:
        """Overwrite and delete these messages; again changes nothing. On return they are gone from the broker's files.

        Raises EcoklitError not_let_erase where the broker does not let us, JournalUnavailable.
        """
        ...


class Projected(NamedTuple):
    """How far the roll is: the stream sequence of events, and the registry position, that it was made from."""

    events: int
    registry: int


class ErasureReader(Protocol):
    """What the projection knows of whoever is erased, and how it is rid of what is left of them in its files."""

    async def projected(self) -> Projected:
        """Raises EcoklitError not_projected, RollUnavailable."""
        ...

    async def dots_of(self, voters: Collection[str]) -> list[tuple[str, int]]:
        """The events about these voters, in order."""
        ...

    async def rewrite(self) -> None:
        """Write the files of what is personal anew, without the rows that were deleted, as far as we may.

        What a database keeps beside its tables, the log of its changes, is left behind too.
        """
        ...


class KeptPushes(Protocol):
    """Pushes that somebody keeps as files: the office's own, refused ones."""

    def erase(self, is_erased: IsErased) -> int:
        """Keep them without the persons of these voters; how many persons that were. Durable on return."""
        ...
