"""Who may be on two lists (services/marks). Owned by the read side."""

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from ecoklit.ports.reading import AsOf


class ListPerson(NamedTuple):
    """Somebody on a list, or struck off it (`why`), or leaving it (for `to_area`), with what tells people apart."""

    voter: str
    tps: str
    why: str
    to_area: str | None
    nik: str | None
    name: str | None
    birth_date: str | None


class PeopleReader(Protocol):
    """People of the lists, by voter id, with whole numbers: for the service itself, which makes marks of them.

    Several reads may be of several moments. Raises as `RollReader`.
    """

    async def as_of(self, regency: str) -> AsOf:
        """How far the regency is projected."""
        ...

    async def regencies(self) -> list[str]:
        """The regencies that are projected here."""
        ...

    def listed(self, area: str) -> AsyncIterator[ListPerson]:
        """Who is on the lists of the area."""
        ...

    def removed(self, area: str) -> AsyncIterator[ListPerson]:
        """Who stands on a roll of the area and is off the list; `why` is the removal."""
        ...

    def leaving(self, area: str) -> AsyncIterator[ListPerson]:
        """Who left the area for another regency (`why`: gone), or is said to have (proposed)."""
        ...
