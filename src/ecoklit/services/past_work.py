"""Figures, possible duplicates, devices and a voter's history as they were at an earlier moment, in the rows that the
queries of the same names (projections/queries) give of now.

What somebody may see is judged by where voters stood then, as row-level security judges it by where they stand now: an
event is seen with its voter; what has no voter that counts, by whoever sees the regency.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import date
from typing import Any, Final, cast
from uuid import UUID

from msgspec import UNSET

from ecoklit.core import wire
from ecoklit.core.causality import BAD_EVENT, COUNTED, PARKED
from ecoklit.core.entitlement import LATE
from ecoklit.core.event import AnyEvent
from ecoklit.core.registry import Registry
from ecoklit.errors import EcoklitError
from ecoklit.ports import Answer, ListedThen
from ecoklit.services.as_of import LEVELS, ON_LIST, About, HeldAt, Past, Voter
from ecoklit.services.disclose import disclosed, masked
from ecoklit.services.step import NOT_ENTITLED

Row = dict[str, Any]
Sees = Callable[[str], bool]

PARTS: Final = ("district", "village", "tps")
_NO_COKLIT: Final = ("listed", "not_met", "ruled")
_NO_VISIT: Final = ("listed", "ruled")
_NUMBERS: Final = re.compile(rb'"([0-9]{6})[0-9]{10}"')


class PastAnalyst:
    """`ports.FiguresReader` of a past moment, for somebody who `sees` areas; and the history of a voter."""

    def __init__(self, past: Past, sees: Sees = lambda _: True) -> None:
        self._past = past
        self._sees = sees
        self._regency = past.moment.as_of.regency

    @property
    def registry(self) -> Registry:
        """The registry that all of it was judged by."""
        return self._past.registry

    async def movers(self, area: str) -> Answer:
        rows = (await self._past.movers(self._own(area), self._sees)).rows
        return self._answer(sorted(rows, key=lambda row: (row["from_tps"], str(row["voter"]))))

    async def large_tps(self, area: str, limit: int) -> Answer:
        rows = (await self._past.large_tps(area, limit)).rows
        return self._answer(sorted(rows, key=lambda row: (-row["on_list"], row["tps"])))

    async def split_families(self, area: str) -> Answer:
        self._own(area)
        families: dict[str, list[ListedThen]] = {}
        for one in await self._listed():
            if one.nkk:
                families.setdefault(one.nkk, []).append(one)
        rows = [_family(self._regency, nkk, members) for nkk, members in families.items()]
        split = [row for row in rows if len(row["tps"]) > 1 and _is_any_in(row["tps"], area)]
        return self._answer(sorted(split, key=lambda row: (row["tps"], row["nkk"])))

    async def duplicates(self, area: str, likeness_min: float) -> Answer:
        listed = await self._listed()
        return self._answer(await self._past.reader.alike(self._regency, self._own(area), likeness_min, listed))

    async def progress(self, area: str, level: str) -> Answer:
        if level not in PARTS:
            raise EcoklitError("unknown_area", f"{level} is no level here: give one of {', '.join(PARTS)}.")
        digits = LEVELS[level]
        entries = await self._tally(area, lambda event: (event.tps[:digits], _day(event), _kind(event)))
        return self._answer(
            [{"area": part, "day": day, "kind": kind, "n": n} for (part, day, kind), n in sorted(entries.items())]
        )

    async def work(self, area: str) -> Answer:
        entries = await self._tally(
            area, lambda event: (event.officer, event.role, event.tps, _day(event), _kind(event))
        )
        return self._answer([{**_worked(key), "kind": key[4], "n": n} for key, n in sorted(entries.items())])

    async def disabled_work(self, area: str) -> Answer:
        voters: Counter[tuple[str, str, str, date]] = Counter()
        async for one in self._past.everybody(self._own(area)):
            if one.known is None or one.known.row.disability is None or not self._sees(one.known.row.tps):
                continue
            counted = [event for event in _counted(one) if event.kind not in _NO_COKLIT and event.tps.startswith(area)]
            voters.update({(_word(event.officer), event.role, event.tps, _day(event)) for event in counted})
        return self._answer([{**_worked(key), "n": n} for key, n in sorted(voters.items())])

    async def late(self, area: str) -> Answer:
        rows = [
            {
                "regency": self._regency,
                "tps": one.held.tps,
                "voter": UUID(one.held.voter),
                "type": event.kind,
                "officer": _word(event.officer),
                "role": event.role,
                "at": event.at,
                "device": one.held.device,
                "seq": one.held.seq,
                "position": one.position,
            }
            async for about in self._seen(area)
            for one in about.events
            if one.standing == LATE and one.held.tps.startswith(area) and (event := one.held.event) is not None
        ]
        return self._answer(sorted(rows, key=lambda row: cast(int, row["position"])))

    async def visits(self, area: str) -> Answer:
        rows = [
            _visit(one.held, event, about.known)
            async for about in self._seen(area)
            for one in about.events
            if one.standing == COUNTED
            and one.held.tps.startswith(area)
            and (event := one.held.event) is not None
            and event.kind not in _NO_VISIT
        ]
        return self._answer(sorted(rows, key=lambda row: (row["device"], row["seq"])))

    async def device_health(self, regency: str) -> Answer:
        self._own(regency)
        by_device: dict[str, list[HeldAt]] = {}
        async for about in self._seen(regency):
            for one in about.events:
                by_device.setdefault(one.held.device, []).append(one)
        if self._sees(regency):
            for one in await self._strays():
                by_device.setdefault(one.held.device, []).append(one)
        rows = [_health(regency, device, held) for device, held in sorted(by_device.items())]
        heard = await self._past.reader.heard(regency, [row["position"] for row in rows])
        return self._answer([{**row, "last_heard": heard.get(row["position"])} for row in rows])

    async def history(self, voter: str) -> Answer:
        """Every event that was held about the voter in this regency; [] of one who was unknown, or is not seen."""
        about = [one for one in await self._past.about([voter]) if self._is_seen(one)]
        held = [event for one in about for event in one.events]
        if self._sees(self._regency):
            held += [one for one in await self._strays() if one.held.voter == voter]
        rows = [_told(self._regency, one) for one in held]
        return self._answer(sorted(rows, key=lambda row: cast(int, row["position"])))

    def _answer(self, rows: list[Row]) -> Answer:
        return Answer(self._past.moment.as_of, rows)

    def _own(self, area: str) -> str:
        if not area.startswith(self._regency):
            raise EcoklitError("unknown_area", f"That is no area of {self._regency}: give one within it.")
        return area

    def _is_seen(self, about: About) -> bool:
        return self._sees(self._regency) or (about.known is not None and self._sees(about.known.row.tps))

    async def _seen(self, area: str) -> AsyncIterator[About]:
        async for one in self._past.everybody(self._own(area)):
            if self._is_seen(one):
                yield one

    async def _tally(self, area: str, key: Callable[[AnyEvent], tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
        """How much field work of the area counted, by `key`; it is seen with the TPS that was worked on."""
        entries: Counter[tuple[Any, ...]] = Counter()
        async for one in self._past.everybody(self._own(area)):
            worked = [event for event in _counted(one) if event.kind != "listed" and event.tps.startswith(area)]
            entries.update(key(event) for event in worked if self._sees(event.tps))
        return entries

    async def _listed(self) -> list[ListedThen]:
        """Everybody who stood on a list of the regency that is seen."""
        return [
            _particulars(one)
            async for one in self._past.voters(self._regency)
            if one.row.verdict in ON_LIST and self._sees(one.row.tps)
        ]

    async def _strays(self) -> list[HeldAt]:
        """What this journal held about the rolls of other regencies: a key belongs to one, so it counted nowhere."""
        stored = await self._past.reader.strays_until(self._regency, self._past.moment.as_of.events)
        held = [HeldAt(wire.hold(one.body, None), one.position, NOT_ENTITLED) for one in stored]
        return [one for one in held if one.held.regency != self._regency]


# --- rows -------------------------------------------------------------------------------------------------------------


def _counted(about: About) -> Iterator[AnyEvent]:
    for one in about.events:
        if one.standing == COUNTED and one.held.event is not None:
            yield one.held.event


def _day(event: AnyEvent) -> date:
    return date.fromisoformat(event.at[:10] if event.visited is UNSET else event.visited)


def _kind(event: AnyEvent) -> str:
    if event.kind == "new":
        return "baru"
    if event.kind != "found":
        return event.kind
    return "sesuai" if getattr(event, "changed", UNSET) is UNSET else "ubah"


def _worked(key: Sequence[Any]) -> Row:
    return dict(zip(("officer", "role", "tps", "day"), key, strict=False))


def _word(word: str) -> str:
    """A word as it may be shown: somebody may have put an identity number there (`hidden`, projections/migrations)."""
    return cast(str, disclosed({"word": word})["word"])


def _particulars(voter: Voter) -> ListedThen:
    row, record = voter.row, voter.state.record
    if record is None:
        return ListedThen(row.voter, row.tps, None, None, None, None, None)
    fields = record.fields
    said = (fields.nik, fields.nkk, fields.birth_date, fields.sex, fields.name)
    return ListedThen(row.voter, row.tps, *(None if one is None else one.replace("\0", "\ufffd") for one in said))


def _family(regency: str, nkk: str, members: Sequence[ListedThen]) -> Row:
    in_order = sorted(members, key=lambda one: (one.tps, one.voter))
    return {
        "regency": regency,
        "nkk": masked(nkk),
        "voters": len(in_order),
        "tps": sorted({one.tps for one in in_order}),
        "members": [UUID(one.voter) for one in in_order],
    }


def _is_any_in(places: Sequence[str], area: str) -> bool:
    return any(tps.startswith(area) for tps in places)


def _visit(held: wire.Held, event: AnyEvent, voter: Voter | None) -> Row:
    visit = UNSET if held.person is None else held.person.visit
    place = UNSET if visit is UNSET else visit.place
    record = None if voter is None else voter.state.record
    return {
        "device": held.device,
        "seq": held.seq,
        "officer": event.officer,
        "tps": held.tps,
        "at": event.at,
        # Tells families apart, and nobody is shown it.
        "home": None if record is None else record.fields.nkk,
        "lat_e6": None if place is UNSET else place.lat_e6,
        "lon_e6": None if place is UNSET else place.lon_e6,
    }


def _health(regency: str, device: str, held: Sequence[HeldAt]) -> Row:
    standings = Counter(one.standing for one in held)
    return {
        "regency": regency,
        "device": device,
        "held": len(held),
        "seq": max(one.held.seq for one in held),
        "position": max(one.position for one in held),
        "parked": standings[PARKED],
        "quarantined": len(held) - standings[COUNTED] - standings[PARKED],
        "late": standings[LATE],
    }


def _told(regency: str, one: HeldAt) -> Row:
    """A row of `voter_history`; what is no event by itself says nothing of its own."""
    event = None if one.standing in (BAD_EVENT, NOT_ENTITLED) else one.held.event
    return {
        "regency": regency,
        "voter": UUID(one.held.voter),
        "position": one.position,
        "device": one.held.device,
        "seq": one.held.seq,
        "standing": one.standing,
        "type": None if event is None else event.kind,
        "tps": None if event is None else event.tps,
        "officer": None if event is None else _word(event.officer),
        "role": None if event is None else event.role,
        "at": None if event is None else event.at,
        "event": None if event is None else _NUMBERS.sub(rb'"\1**********"', one.held.event_bytes).decode(),
    }
