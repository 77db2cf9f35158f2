"""Knowing somebody again on another list, without keeping what stands in either: keyed marks (`core.row_mark`).

Two questions need it. Was somebody on this list struck off an earlier one (*returned*: from the dead, most of all)? And
is somebody who left one regency recorded where they are said to have gone (*pairs* of halves)? Each regency has a
journal of its own, and an earlier election has another, so what is compared is a file of marks: of the NIK, and of name
and birth date, under a key that those who compare share and nobody else has. Beside the marks stand voters' ids, places
and reasons; without the key nobody can tell whose they are.

A match is a question for a person: numbers are copied wrong, and people share names. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from ecoklit.core import ids, row_mark
from ecoklit.errors import EcoklitError
from ecoklit.ports import ListPerson, PeopleReader

VERSION: Final = 1
REMOVED: Final = "removed"
LEAVING: Final = "leaving"
Kind = Literal["removed", "leaving"]

BY_NIK: Final = "nik"
BY_NAME: Final = "name_and_birth"


class MarksFault(EcoklitError):
    """Codes: bad_marks, other_key, bad_key."""


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person of another list: marks in place of particulars, "" where there is none."""

    regency: str
    tps: str
    voter: str
    why: str
    nik: str = ""
    person: str = ""
    to_area: str | None = None


class About(msgspec.Struct, frozen=True):
    """What a file of marks is of; `key` tells under which key they were made, and does not give it."""

    v: int
    kind: Kind
    election: str
    area: str
    key: str


class Match(msgspec.Struct, frozen=True):
    """Somebody on this list (`voter`, `tps`) who may be the one that the mark is of; `alike` in what."""

    alike: str
    voter: str
    tps: str
    remark: str
    name: str | None
    mark: Mark


def marked(key: bytes, regency: str, person: ListPerson) -> Mark:
    """The marks of a person; `key` has 32 bytes."""
    nik, who = _marks(key, person)
    return Mark(regency, person.tps, person.voter, person.why, nik, who, person.to_area)


def _marks(key: bytes, person: ListPerson) -> tuple[str, str]:
    record = {"nik": person.nik, "name": person.name, "birth_date": person.birth_date}
    return ids.to_base64url(row_mark.nik_mark(key, record)), ids.to_base64url(row_mark.person_mark(key, record))


def about(kind: Kind, election: str, area: str, key: bytes) -> About:
    """The first line of a file of marks."""
    return About(VERSION, kind, election, area, ids.to_base64url(row_mark.key_mark(key)))


def read_marks(lines: Iterable[bytes], kind: Kind, key: bytes) -> tuple[About, list[Mark]]:
    """A file of marks. Raises MarksFault: bad_marks, other_key."""
    rest = iter(lines)
    try:
        head = msgspec.json.decode(next(rest, b""), type=About)
        if head.v != VERSION or head.kind != kind:
            raise MarksFault("bad_marks", f"The file has marks of {head.kind}, version {head.v}: give those of {kind}.")
        if head.key != ids.to_base64url(row_mark.key_mark(key)):
            raise MarksFault("other_key", "The file's marks were made with another key: give the key that both share.")
        return head, [msgspec.json.decode(line, type=Mark) for line in rest]
    except (msgspec.DecodeError, RecursionError) as error:
        raise MarksFault("bad_marks", "That is no file of marks: make one with 'ecoklit marks'.") from error


class Known:
    """Marks of another list, to be asked who on this one they may be of."""

    def __init__(self, marks: Sequence[Mark], key: bytes) -> None:
        self._key = key
        self._by_nik = _grouped(marks, lambda mark: mark.nik)
        self._by_person = _grouped(marks, lambda mark: mark.person)

    def matches(self, person: ListPerson) -> Iterator[Match]:
        """Each mark that may be of this person, those of the NIK first; each once."""
        nik, who = _marks(self._key, person)
        same = self._by_nik.get(nik, ())
        yield from (_match(BY_NIK, person, mark) for mark in same)
        # Where both have a NIK and these differ, one of them may be wrong: name and birth date still ask.
        yield from (_match(BY_NAME, person, mark) for mark in self._by_person.get(who, ()) if mark not in same)


def _grouped(marks: Iterable[Mark], of: Callable[[Mark], str]) -> dict[str, list[Mark]]:
    found: dict[str, list[Mark]] = {}
    for mark in marks:
        if of(mark):
            found.setdefault(of(mark), []).append(mark)
    return found


def _match(alike: str, person: ListPerson, mark: Mark) -> Match:
    return Match(alike, person.voter, person.tps, person.why, person.name, mark)


async def returned(known: Known, people: AsyncIterator[ListPerson]) -> list[Match]:
    """Who on this list may have been struck off the earlier one."""
    return [match async for person in people for match in known.matches(person)]


async def arrived(known: Known, people: AsyncIterator[ListPerson]) -> list[Match]:
    """Who on this list may be somebody who left another regency for where they stand now."""
    return [
        match
        async for person in people
        for match in known.matches(person)
        if match.mark.to_area is not None and match.tps.startswith(match.mark.to_area)
    ]


class Pairs(msgspec.Struct, frozen=True):
    """Moves that begin or end in an area: halves that may be one, and the moves out whose other half was not found
    (`alone`), although the regency that they lead to was looked at."""

    pairs: list[Match]
    alone: list[Mark]


async def pairs(reader: PeopleReader, area: str, key: bytes, seen: Sequence[str] | None = None) -> Pairs:
    """The pairs of halves between the area and the other regencies projected here; whoever sees the areas `seen` is
    shown a pair of which both ends lie there.

    `key` is of chance: the marks are made, compared and forgotten. Raises as `reader`.
    """
    own = area[:4]
    others = [one for one in await reader.regencies() if one != own]
    found: list[Match] = []
    for other in others:
        left = [marked(key, other, one) async for one in reader.leaving(other) if _leads_to(one.to_area, own)]
        if left:
            found += await arrived(Known(left, key), reader.listed(area))
    leaving = [marked(key, own, one) async for one in reader.leaving(area)]
    places = {mark.voter: _places_of(mark, others) for mark in leaving}
    for place in sorted({place for some in places.values() for place in some}):
        found += await arrived(Known([one for one in leaving if place in places[one.voter]], key), reader.listed(place))
    met = {match.mark.voter for match in found}
    # Who does not see the place is not told that nobody there fits, either.
    known = [one for one in leaving if places[one.voter] and all(_sees(seen, place) for place in places[one.voter])]
    alone = [one for one in known if one.voter not in met and _sees(seen, one.tps)]
    return Pairs([one for one in found if _sees(seen, one.tps) and _sees(seen, one.mark.tps)], alone)


def _leads_to(to_area: str | None, regency: str) -> bool:
    return to_area is not None and (to_area.startswith(regency) or regency.startswith(to_area))


def _places_of(mark: Mark, others: Sequence[str]) -> list[str]:
    """Where the other half would stand: the place that is named, or of a province each regency that is known here."""
    if mark.to_area is None:
        return []
    return [max(mark.to_area, other, key=len) for other in others if _leads_to(mark.to_area, other)]


def _sees(seen: Sequence[str] | None, area: str) -> bool:
    return seen is None or any(area.startswith(one) for one in seen)


# --- rows ------------------------------------------------------------------------------------------------------------


def row_of(match: Match) -> dict[str, Any]:
    """A match as a row, its mark beside it."""
    mark = match.mark
    return {
        "alike": match.alike,
        "name": match.name,
        "tps": match.tps,
        "remark": match.remark,
        "why": mark.why,
        "from_tps": mark.tps,
        "to_area": mark.to_area,
        "voter": match.voter,
        "other": mark.voter,
    }


def alone_of(mark: Mark) -> dict[str, Any]:
    """A move whose other half was not found."""
    return {"tps": mark.tps, "to_area": mark.to_area, "why": mark.why, "voter": mark.voter}
