"""Lists and figures for analysts say what the fold says, each as of one position, and only of what may be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_reader import PostgresReader, Seen, UnknownArea
from ecoklit.contract import policies
from ecoklit.core.replica import Replica, fold
from ecoklit.core.voter import State
from ecoklit.ports import AnalystReader
from ecoklit.services.project import Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all


class Office(NamedTuple):
    reader: PostgresReader
    analyst: PostgresAnalyst
    replica: Replica

    @property
    def states(self) -> list[State]:
        return [state for state in self.replica.states() if state.decision.regency == REGENCY]


@pytest_asyncio.fixture(loop_scope="session")
async def office(postgres_server: EmbeddedPostgres, schema: str) -> AsyncIterator[Office]:
    history, journal = RandomHistory(31, events=600), MemoryJournal()
    await append_all(journal, history.arrivals)
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    await Projector(journal, store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up()
    await store.close()
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        yield Office(reader, PostgresAnalyst(reader), fold(history.held, policies()))


async def test_every_move_is_listed_at_both_ends(office: Office) -> None:
    """Whoever stands elsewhere than first, has left, or is said to have, is one row; an area has those of both ends."""
    moved = {
        state.decision.voter: state
        for state in office.states
        if state.first_tps != state.decision.tps
        or state.decision.verdict == "moved_away"
        or "moved_away" in state.decision.proposed
    }
    rows = (await office.analyst.movers(REGENCY)).rows
    assert {str(row["voter"]) for row in rows} == set(moved) and len(rows) == len(moved) > 5
    for row in rows:
        state = moved[str(row["voter"])]
        assert row["from_tps"] == state.first_tps
        assert row["to_tps"] == (None if state.decision.verdict == "moved_away" else state.decision.tps)
        assert (row["state"] == "gone") == (state.decision.verdict == "moved_away")
        assert row["is_disputed"] == ("tps" in state.decision.conflicts)
    away = next(row for row in rows if row["to_tps"] and row["to_tps"] != row["from_tps"])
    for end in (away["from_tps"], away["to_tps"]):
        assert away["voter"] in {row["voter"] for row in (await office.analyst.movers(end)).rows}


async def test_duplicates_are_groups_with_one_number_or_one_name(office: Office) -> None:
    """Every shared number of the lists is a group, with all who share it; and every group is about people on a list."""
    numbers: dict[str, set[str]] = {}
    for state in office.states:
        nik = None if state.record is None else state.record.fields.nik
        if state.decision.on_list and nik:
            numbers.setdefault(nik.replace("\0", "\ufffd"), set()).add(state.decision.voter)
    rows = (await office.analyst.duplicates(REGENCY, 0.6)).rows
    groups: dict[int, set[str]] = {}
    for row in rows:
        if row["kind"] == "nik":
            groups.setdefault(row["cluster"], set()).add(str(row["voter"]))
    shared = [voters for voters in numbers.values() if len(voters) > 1]
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, shared)) and len(shared) > 1


async def test_families_on_several_lists(office: Office) -> None:
    """Everybody of these histories has one family card: it is split over every list there is."""
    places = sorted({state.decision.tps for state in office.states if state.decision.on_list and state.record})
    rows = (await office.analyst.split_families(REGENCY)).rows
    assert [place for place in places if place in rows[-1]["tps"] or place in rows[0]["tps"]]
    assert all(len(row["tps"]) > 1 and len(row["members"]) == row["voters"] for row in rows)


async def test_large_tps_are_those_beyond_the_limit(office: Office) -> None:
    """The limit is the office's word; the largest comes first."""
    sizes = Counter(state.decision.tps for state in office.states if state.decision.on_list)
    limit = min(sizes.values())
    rows = (await office.analyst.large_tps(REGENCY, limit)).rows
    assert {row["tps"]: row["on_list"] for row in rows} == {tps: n for tps, n in sizes.items() if n > limit}
    assert [row["on_list"] for row in rows] == sorted((row["on_list"] for row in rows), reverse=True)


async def test_progress_and_work_are_the_entries_that_count(office: Office) -> None:
    """The sums by part and by officer are the same entries, and those that the fold counts."""
    counted = sum(
        office.replica.standing(held.hash).name == "counted"
        for held in office.replica.held()
        if held.event is not None and held.event.kind != "listed" and held.regency == REGENCY
    )
    work = (await office.analyst.work(REGENCY)).rows
    assert sum(row["n"] for row in work) == counted > 100
    for level in ("district", "village", "tps"):
        assert sum(row["n"] for row in (await office.analyst.progress(REGENCY, level)).rows) == counted
    visits = (await office.analyst.visits(REGENCY)).rows
    assert len(visits) == sum(row["n"] for row in work if row["kind"] != "ruled")
    assert [(row["device"], row["seq"]) for row in visits] == sorted((row["device"], row["seq"]) for row in visits)


async def test_device_health_counts_every_event_once(office: Office) -> None:
    """Every event of the journal is held of one device, and what does not count is parked or quarantined."""
    answer = await office.analyst.device_health(REGENCY)
    standings = await office.reader.standings(REGENCY)
    assert sum(row["held"] for row in answer.rows) == answer.as_of.events == sum(standings.values())
    assert all(row["held"] <= row["seq"] and row["position"] <= answer.as_of.events for row in answer.rows)
    assert sum(row["parked"] for row in answer.rows) == standings.get("parked", 0)
    out_of_count = sum(n for name, n in standings.items() if name not in ("counted", "parked"))
    assert sum(row["quarantined"] for row in answer.rows) == out_of_count > 0


async def test_every_answer_is_limited_and_says_as_of_when(office: Office) -> None:
    """Through a limited reader no list shows a row of another area, and each has the position of the whole."""
    place = sorted(state.decision.tps for state in office.states)[0]
    seen = PostgresAnalyst(office.reader.seen_by(Seen((place,))))
    whole = await office.reader.as_of(REGENCY)
    for answer in (
        await seen.movers(REGENCY), await seen.duplicates(REGENCY, 0.6), await seen.split_families(REGENCY),
        await seen.large_tps(REGENCY, 0), await seen.work(REGENCY), await seen.late(REGENCY),
        await seen.disabled_work(REGENCY), await seen.visits(REGENCY), await seen.device_health(REGENCY),
    ):  # fmt: skip
        assert answer.as_of == whole
        assert {row["tps"] for row in answer.rows if isinstance(row.get("tps"), str)} <= {place} | {
            row["tps"] for row in (await office.analyst.visits(REGENCY)).rows
        }
    assert {row["tps"] for row in (await seen.large_tps(REGENCY, 0)).rows} == {place}
    assert {row["tps"] for row in (await seen.duplicates(REGENCY, 0.6)).rows} <= {place}


async def test_marks_tell_which_step_judged_a_position(office: Office) -> None:
    """The last position has the last mark, one beyond has none, and a moment has the step before it."""
    as_of = await office.reader.as_of(REGENCY)
    last = await office.analyst.mark_at(REGENCY, as_of.events)
    assert last is not None and last.events == as_of.events
    assert await office.analyst.mark_at(REGENCY, as_of.events + 1) is None
    assert await office.analyst.mark_when(REGENCY, datetime.now(UTC)) == last
    assert await office.analyst.mark_when(REGENCY, datetime(2020, 1, 1, tzinfo=UTC)) is None


async def test_what_is_no_area_is_refused(office: Office) -> None:
    """A code that is none, or a level that is none, is named."""
    assert isinstance(office.analyst, AnalystReader)
    with pytest.raises(UnknownArea):
        await office.analyst.movers("94x4")
    with pytest.raises(UnknownArea, match="street is no level"):
        await office.analyst.progress(REGENCY, "street")
