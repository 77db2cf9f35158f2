"""The roll of a TPS, and recap, conflicts, proposals and movers of an area, as they were at an earlier moment; figures,
and what is asked of events, follow from it in `past_work`.

Nothing of the past is kept but the events and the marks of the projector's steps: what was held then is folded again,
by the same law, judged by the registry that the mark names. So whoever asks as of now gets what the live roll says.
Whether somebody may ask is judged before, by the area.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from ecoklit.core import entitlement, ids, roll, suppression, wire
from ecoklit.core.causality import COUNTS as COUNTS_ITSELF
from ecoklit.core.causality import Counted
from ecoklit.core.entitlement import Admitted
from ecoklit.core.event import AnyEvent
from ecoklit.core.merkle import EMPTY_HEAD, leaf_hash, tree_head
from ecoklit.core.policy import Policy
from ecoklit.core.registry import Registry, RegistryFault, fold_registry
from ecoklit.core.suppression import COLUMNS, Cell
from ecoklit.core.voter import State, fold_voter
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import Answer, AsOf, PastReader, RollAnswer, StoredEvent, VoterRow
from ecoklit.services import past_lists
from ecoklit.services.disclose import masked
from ecoklit.services.step import Elsewhere, row_of

VOTERS_MAX: Final = 2_000  # folded at once
LEVELS: Final = {"regency": 4, "district": 6, "village": 10, "tps": 13}
"""Level → digits of its codes."""

ON_LIST: Final = ("confirmed", "unvisited")
_BELOW: Final = {4: "district", 6: "village", 10: "tps", 13: "tps"}

COUNTS: Final = (
    "listed", "new", "arrived", "departed", "removed", "on_list", "visited", "sesuai", "ubah", "baru", "unvisited",
    "not_met", "proposed", "in_conflict", "deceased", "moved_away", "duplicate", "underage", "foreign", "military",
    "police", "revoked", "unknown", "entry_error", "male", "female", "sex_unknown", "physical", "intellectual",
    "mental", "speech", "hearing", "visual", "ektp", "ektp_none", "ektp_unknown",
)  # fmt: skip
"""The columns of `recap`, in its order."""

RegistryAt = Callable[[int], Awaitable[Registry]]
"""Gives the registry of the regency as it was up to a registry position."""


class Moment(msgspec.Struct, frozen=True):
    """What was held: events and persons up to these stream sequences, judged by the registry up to its position."""

    as_of: AsOf
    registry: int


class NoSuchMoment(EcoklitError):
    """Nothing is known of the moment that was asked about. Code: not_projected."""

    def __init__(self, message: str) -> None:
        super().__init__("not_projected", message)


class CountedAt(NamedTuple):
    """An event that counted then, and its position in the journal."""

    counted: Counted
    position: int

    @property
    def event(self) -> AnyEvent:
        return self.counted.event


class Voter(msgspec.Struct, frozen=True):
    """A voter as it was: its state, the row that the projector would have made of it, and by name what counted."""

    state: State
    row: VoterRow
    counted: dict[wire.Dot, CountedAt]


class HeldAt(NamedTuple):
    """An event that was held then: where it stands in the journal, and what it was judged to be (its standing)."""

    held: Held
    position: int
    standing: str


class About(msgspec.Struct, frozen=True):
    """All that was held about one voter, in order of arrival; `known` is None while nothing of it counted."""

    voter: str
    events: list[HeldAt]
    known: Voter | None


class Past:
    """A regency at one moment."""

    def __init__(self, reader: PastReader, moment: Moment, registry: Registry, policies: Mapping[str, Policy]) -> None:
        self.moment = moment
        self.reader = reader
        self.registry = registry
        self._policies = policies

    async def roll(self, tps: str, *, unmasked: bool = False) -> RollAnswer:
        """As `RollReader.roll`; identity numbers are masked unless somebody may see them whole."""
        if not ids.is_tps(tps):
            raise _no_area("That is no TPS: give its 13 digits (village 10, then TPS 3).")
        there = [one async for one in self.voters(tps) if one.row.tps == tps]
        leaves = [leaf_hash(one.state.decision_bytes) for one in there]
        shown = (lambda number: number) if unmasked else masked
        rows = [_listed(self.moment.as_of.regency, one, shown) for one in there if one.state.decision.on_list]
        rows.sort(key=lambda row: (row["name"] is None, row["name"], row["voter"]))
        return RollAnswer(self.moment.as_of, tps, tree_head(leaves), rows)

    async def recap(self, area: str, level: str | None = None) -> Answer:
        """As `RollReader.recap`; but of a part of the regency no count of a disability is told (None).

        Which of them may be shown follows from the whole regency, and for a part only the part is folded.
        """
        regency = self.moment.as_of.regency
        if not (area.startswith(regency) and len(area) in _BELOW):
            raise _no_area(f"That is no area of {regency}: give its district (6 digits), village (10) or TPS (13).")
        level = level or _BELOW[len(area)]
        if level not in LEVELS:
            raise _no_area(f"{level} is no level: give one of {', '.join(LEVELS)}.")
        by_tps: dict[str, Counter[str]] = {}
        async for one in self.voters(area):
            for tps, counts in _counted(one):
                if tps.startswith(area):
                    by_tps.setdefault(tps, Counter()).update(counts)
        hidden = dict.fromkeys(COLUMNS) if len(area) > LEVELS["regency"] else {}
        rows = [{**row, **hidden} for row in _summed(regency, level, area, by_tps)]
        return Answer(self.moment.as_of, rows if hidden else _without_few(rows, level, by_tps))

    async def digest(self, area: str) -> bytes:
        """The digest of an area's rolls; that of nobody where nobody stood."""
        leaves = [leaf async for one in self.voters(area) for leaf in roll.leaves([one.state])]
        return roll.digests(leaf for leaf in leaves if leaf[0].startswith(area)).get(area, EMPTY_HEAD)

    async def conflicts(self, area: str) -> Answer:
        """As `RollReader.conflicts`, masked."""
        there = [one async for one in self.voters(area) if one.row.tps.startswith(area)]
        return Answer(self.moment.as_of, [row for one in there for row in past_lists.conflicts_of(one)])

    async def proposals(self, area: str) -> Answer:
        """As `RollReader.proposals`, masked."""
        there = [one async for one in self.voters(area) if one.row.tps.startswith(area)]
        return Answer(self.moment.as_of, [row for one in there for row in past_lists.proposals_of(one)])

    async def movers(self, area: str, sees: Callable[[str], bool] = lambda _: True) -> Answer:
        """As `AnalystReader.movers`, masked; of moves of which somebody `sees` an end."""
        there = [
            one
            async for one in self.voters(area)
            if _touches(one.row, area) and (sees(one.row.tps) or sees(one.row.first_tps))
        ]
        moves = [past_lists.move_of(one) for one in there]
        return Answer(self.moment.as_of, [move for move in moves if move is not None])

    async def large_tps(self, area: str, limit: int) -> Answer:
        """As `AnalystReader.large_tps`."""
        sizes = [(row["area"], row["on_list"]) for row in (await self.recap(area, "tps")).rows]
        rows = [{"tps": tps, "on_list": size, "over": size - limit} for tps, size in sizes if size > limit]
        return Answer(self.moment.as_of, rows)

    async def voters(self, area: str) -> AsyncIterator[Voter]:
        """Everybody whom an event up to the moment placed in the area and of whom an event counted then, by id.

        Some of them stood elsewhere.
        """
        async for one in self.everybody(area):
            if one.known is not None:
                yield one.known

    async def everybody(self, area: str) -> AsyncIterator[About]:
        """Likewise, with those of whom no event counted: what was held about each, and what it was judged to be."""
        regency, after = self.moment.as_of.regency, ""
        while some := await self.reader.placed(regency, area, after, VOTERS_MAX):
            for one in await self.about(some):
                yield one
            after = some[-1]

    async def about(self, voters: Sequence[str]) -> list[About]:
        """What was held about these voters, by id; those of whom nothing was are left out."""
        at = self.moment.as_of
        stored = await self.reader.events_until(at.regency, voters, at.events, at.persons)
        # Thousands of events: whoever pushes meanwhile must not wait for them.
        about, kept_out, positions = await asyncio.to_thread(self._judged, stored)
        world = Elsewhere(await self._elsewhere(about), quarantine=kept_out, lost=self.registry.lost)
        return await asyncio.to_thread(self._told, about, world, positions)

    def _judged(
        self, stored: Sequence[StoredEvent]
    ) -> tuple[dict[str, list[Admitted]], dict[bytes, str], dict[wire.Dot, int]]:
        """The events by voter, what the registry keeps out of the count, and where each event stands."""
        about: dict[str, list[Admitted]] = {}
        positions: dict[wire.Dot, int] = {}
        for one in stored:
            held = wire.hold(one.body, one.person)
            if held.regency == self.moment.as_of.regency:
                about.setdefault(held.voter, []).append(Admitted(held, one.stamp))
                positions[held.dot] = one.position
        kept_out: dict[bytes, str] = {}
        for admitted in about.values():
            kept_out.update(entitlement.names_of(entitlement.quarantine_of(self.registry, admitted)))
        return about, kept_out, positions

    def _told(
        self, about: Mapping[str, Sequence[Admitted]], world: Elsewhere, positions: Mapping[wire.Dot, int]
    ) -> list[About]:
        """The voters by id, folded."""
        found = []
        for voter, admitted in sorted(about.items()):
            folded = fold_voter([one.held for one in admitted], self._policies, world)
            counted, faults = folded.judgement.counted, folded.judgement.faults
            events = [
                HeldAt(one.held, positions[one.held.dot], faults.get(one.held.hash, COUNTS_ITSELF).name)
                for one in admitted
            ]
            known = None
            if folded.state is not None:
                where = {one.held.dot: CountedAt(one, positions[one.held.dot]) for one in counted}
                known = Voter(folded.state, row_of(folded.state, counted), where)
            found.append(About(voter, events, known))
        return found

    async def _elsewhere(self, about: Mapping[str, Sequence[Admitted]]) -> set[wire.Dot]:
        """The dots that clocks name and that are no event about the same voter, as far as they were held."""
        named: set[wire.Dot] = set()
        for admitted in about.values():
            own = {one.held.dot for one in admitted}
            named.update(dot for one in admitted for dot in one.held.clock.items() if dot not in own)
        at = self.moment.as_of
        return await self.reader.held_until(at.regency, named, at.events) if named else set()


# --- which moment ----------------------------------------------------------------------------------------------------


async def past_of(
    reader: PastReader, registry_at: RegistryAt, policies: Mapping[str, Policy], regency: str, at: int | datetime
) -> Past:
    """The regency as it was at a position of its journal, or at a time by the database's clock.

    Raises NoSuchMoment, and as `reader` and `registry_at`.
    """
    moment = await (_at_position if isinstance(at, int) else _at_time)(reader, regency, at)  # type: ignore[arg-type]
    return await past_at(reader, registry_at, policies, moment)


async def past_at(reader: PastReader, registry_at: RegistryAt, policies: Mapping[str, Policy], moment: Moment) -> Past:
    """The regency at a moment that is known whole, as a stage of the list names it."""
    return Past(reader, moment, await registry_at(moment.registry), policies)


async def _at_position(reader: PastReader, regency: str, position: int) -> Moment:
    now = await reader.as_of(regency)
    mark = await reader.mark(regency, position) if position >= 0 else None
    if mark is None:
        raise NoSuchMoment(f"The journal of {regency} is projected up to position {now.events}: ask for 0 to that.")
    return Moment(AsOf(regency, now.election, position, mark.persons), mark.registry)


async def _at_time(reader: PastReader, regency: str, time: datetime) -> Moment:
    now = await reader.as_of(regency)
    mark = await reader.mark_when(regency, time)
    if mark is None:
        raise NoSuchMoment(
            f"Nothing of {regency} was projected by then, or all was projected anew since: ask for a later time, "
            "or for a position."
        )
    return Moment(AsOf(regency, now.election, mark.events, mark.persons), mark.registry)


def moment_in(text: str) -> int | datetime:
    """A position, or a time with its offset (RFC 3339), as people write them. Raises EcoklitError bad_argument."""
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise EcoklitError(
            "bad_argument",
            "That is no moment: give a position of the journal (1200) or a time with its offset "
            "(2024-07-24T23:59:59+09:00).",
        )
    return time.astimezone(UTC)


def registry_until(election: str, regency: str, lines: Sequence[tuple[int, bytes]], position: int) -> Registry:
    """The registry as its `lines` up to `position` give it. Raises EcoklitError bad_registry."""
    known = [line for line in lines if line[0] <= position]
    if len(known) != position:
        raise EcoklitError(
            "bad_registry", f"The registry has {len(known)} of its first {position} lines: restore it, or rebuild."
        )
    try:
        return fold_registry(election, regency, known)
    except RegistryFault as error:
        raise EcoklitError("bad_registry", f"What is there is no registry of this election: {error}.") from error


def _touches(row: VoterRow, area: str) -> bool:
    """Whether the voter first stood in the area, or stood there then: who had left stood nowhere."""
    return row.first_tps.startswith(area) or (row.verdict != "moved_away" and row.tps.startswith(area))


def _no_area(message: str) -> EcoklitError:
    return EcoklitError("unknown_area", message)


# --- rows, as the views give them ------------------------------------------------------------------------------------


def _listed(regency: str, voter: Voter, number: Callable[[str | None], str | None]) -> dict[str, Any]:
    """A row of `voter_list`, its identity numbers as `number` shows them."""
    row, record = voter.row, voter.state.record
    fields: dict[str, str | None] = {} if record is None else msgspec.structs.asdict(record.fields)
    shown = {name: None if value is None else value.replace("\0", "\ufffd") for name, value in fields.items()}
    return {
        "regency": regency,
        "voter": UUID(row.voter),
        "nkk": number(shown.get("nkk")),
        "nik": number(shown.get("nik")),
        **{name: shown.get(name) for name in _SHOWN},
        "remark": _remark(row),
        "source": row.source,
        "tps": row.tps,
        "first_tps": row.first_tps,
        "attempts": row.attempts,
        "conflicts": row.conflicts,
        "proposed": row.proposed,
    }


_SHOWN: Final = ("name", "birth_place", "birth_date", "marital", "sex", "address", "rt", "rw", "disability", "ektp")


def _remark(row: VoterRow) -> str:
    if row.verdict == "unvisited":
        return "belum"
    if row.source is None:
        return "baru"
    return "ubah" if row.changed else "sesuai"


def _counted(voter: Voter) -> list[tuple[str, list[str]]]:
    """Where the voter counts, and in which columns: at its present TPS, and at its first, which it may have left."""
    row = voter.row
    birth = "listed" if row.source is not None else "new"
    if row.first_tps == row.tps:
        return [(row.tps, [birth, *_columns(voter)])]
    return [(row.tps, ["arrived", *_columns(voter)]), (row.first_tps, [birth, "departed"])]


def _columns(voter: Voter) -> list[str]:
    row = voter.row
    found = []
    if row.verdict not in ON_LIST:
        found += ["removed", row.reason or row.verdict]
    if row.verdict != "unvisited" or row.proposed:
        found.append("visited")
    if row.verdict == "confirmed":
        found.append(_remark(row))
    if row.verdict == "unvisited":
        found += ["unvisited", "not_met"] if row.attempts > 0 else ["unvisited"]
    found += ["proposed"] if row.proposed else []
    found += ["in_conflict"] if row.conflicts else []
    if row.verdict in ON_LIST:
        found += ["on_list", *_marks(voter)]
    return found


def _marks(voter: Voter) -> list[str]:
    record = voter.state.record
    if record is None:
        return ["sex_unknown", "ektp_unknown"]
    fields = record.fields
    sex = {"L": "male", "P": "female"}.get(fields.sex or "", "sex_unknown")
    ektp = {"S": "ektp", "B": "ektp_none"}.get(fields.ektp or "", "ektp_unknown")
    return [sex, ektp] if fields.disability is None else [sex, ektp, fields.disability]


def _without_few(
    rows: Sequence[Mapping[str, Any]], level: str, by_tps: Mapping[str, Counter[str]]
) -> list[dict[str, Any]]:
    """The rows of a whole regency, with the counts by disability that may be shown."""
    told: dict[str, dict[str, int | None]] = {}
    for column in COLUMNS:
        cells: dict[str, Cell] = {}
        for tps, counts in by_tps.items():
            for digits in (digits for digits in LEVELS.values() if digits <= LEVELS[level]):
                before = cells.get(tps[:digits], Cell(0, 0))
                cells[tps[:digits]] = Cell(before.on_list + counts["on_list"], before.counted + counts[column])
        for code, count in suppression.shown(cells).items():
            told.setdefault(code, {})[column] = count
    return [{**row, **told[row["area"]]} for row in rows]


def _summed(regency: str, level: str, area: str, by_tps: Mapping[str, Counter[str]]) -> list[dict[str, Any]]:
    """Rows of `recap` from the counts of each TPS."""
    sums: dict[str, Counter[str]] = {}
    for tps, counts in sorted(by_tps.items()):
        part = sums.setdefault(tps[: LEVELS[level]], Counter())
        part.update(counts)
        part["tps_count"] += counts["on_list"] > 0
    return [
        {
            "regency": regency,
            "level": level,
            "area": code,
            "tps_count": counts["tps_count"],
            **{name: counts[name] for name in COUNTS},
        }
        for code, counts in sorted(sums.items())
        if code.startswith(area)
    ]
