"""What the past is said to have been is what was said then, and the past that is now is the live roll."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_past import PostgresPast
from ecoklit.adapters.postgres_reader import PostgresReader, Seen
from ecoklit.cli.main import main
from ecoklit.contract import policies
from ecoklit.core.merkle import EMPTY_HEAD
from ecoklit.core.registry import Registry
from ecoklit.core.suppression import COLUMNS
from ecoklit.errors import EcoklitError
from ecoklit.ports import Answer, FiguresReader, order_of
from ecoklit.services.as_of import Past, moment_in, past_of, registry_until
from ecoklit.services.disclose import disclosed
from ecoklit.services.figures import devices_health, officers_reports, rows_disclosed, visits_advice
from ecoklit.services.lists import (
    CONFLICTS,
    DUPLICATES,
    FAMILIES,
    HEALTH,
    LARGE,
    LATE,
    MOVERS,
    PROGRESS,
    PROPOSALS,
    List,
)
from ecoklit.services.past_work import PastAnalyst
from ecoklit.services.plausibility import Visit
from ecoklit.services.project import Projector
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all
from ecoklit.testing.random_registry import RandomRegistry, append_line

TPS = ("9404012001001", "9404012001002", "9404012001003", "9404012002001", "9404021001001")
AREAS = ((REGENCY, None), (REGENCY, "regency"), ("940401", "village"), ("9404012001", "tps"), (TPS[0], None))
WHOLE = ("regency", "district")
"""The levels of AREAS that are asked of the whole regency."""
PIECES = 5
SEEDS = (0, 11)
"""In the second an entry comes late, a device is revoked and a policy is unknown."""


class Office:
    """A journal and its registry that grow piece by piece, projected after each, and what the roll said then."""

    def __init__(self, seed: int, server: EmbeddedPostgres, schema: str, reader: PostgresReader) -> None:
        self.history = RandomHistory(seed, events=120, lies=0.1)
        self.author = RandomRegistry(seed, self.history)
        self.journal, self.registry = MemoryJournal(), MemoryRegistryJournal()
        self.reader = reader
        self.said: list[tuple[int, datetime, list[bytes]]] = []
        self.store = PostgresRoll(server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
        self.projector = Projector(
            self.journal, self.store, policies(), election=ELECTION, regency=REGENCY, registry=self.registry
        )

    async def live(self) -> list[Any]:
        """Every roll, recap and list as the live views give them."""
        analyst = PostgresAnalyst(self.reader)
        registry = await self.registry_at(await self.registry.last())
        voters = [(await self.reader.history(voter)) for voter in self.voters]
        return [
            *await live_of(self.reader),
            *await figures_of(analyst, registry, REGENCY),
            *await figures_of(PostgresAnalyst(self.reader.seen_by(Seen((TPS[1],)))), registry, TPS[1]),
            *[[*map(disclosed, history)] for history in voters],
            [(await self.reader.digests(REGENCY))[1].get(area, EMPTY_HEAD).hex() for area, _ in AREAS],
        ]

    async def then(self, past: Past) -> list[Any]:
        """The same of an earlier moment."""
        analyst = PastAnalyst(past)
        voters = [await analyst.history(voter) for voter in self.voters]
        return [
            *await said(past),
            *await figures_of(analyst, past.registry, REGENCY),
            *await figures_of(PastAnalyst(past, lambda area: area == TPS[1]), past.registry, TPS[1]),
            *[[*map(decoded, history.rows)] for history in voters],
            [(await past.digest(area)).hex() for area, _ in AREAS],
        ]

    @property
    def voters(self) -> list[str]:
        """Some of whom the history is asked."""
        return sorted({held.voter for arrival in self.history.arrivals for held in arrival.events})[::7]

    async def past(self, at: int | datetime) -> Past:
        return await past_of(PostgresPast(self.reader), self.registry_at, policies(), REGENCY, at)

    async def registry_at(self, position: int) -> Registry:
        lines = await self.registry.read(0, 10_000)
        return registry_until(ELECTION, REGENCY, [(one.sequence, one.payload) for one in lines], position)

    async def grow(self, piece: int) -> None:
        """The next piece: some lines of the registry, then pushes that were judged by the registry before them."""
        size = len(self.history.arrivals) // PIECES + 1
        arrivals = self.history.arrivals[piece * size : (piece + 1) * size]
        stamp = await self.registry.last()
        for _ in range(9):
            await append_line(self.registry, self.author.next_line())
        await self.project()  # the registry moved on and the position did not
        for arrival in arrivals:
            await append_all(self.journal, [arrival], stamp)
        await self.project()

    async def project(self) -> None:
        """Project, and note what the roll says now."""
        at = await self.projector.run_until_caught_up()
        self.said.append((at.events, datetime.now(UTC), written(await self.live())))


async def live_of(reader: PostgresReader) -> list[Any]:
    """Every roll and recap, and lists of the regency; movers of a TPS too, and as an account of one TPS sees them, for
    they have two ends."""
    analyst = PostgresAnalyst(reader)
    rolls = [await reader.roll(tps) for tps in TPS]
    recaps = [await reader.recap(area, level) for area, level in AREAS]
    lists = (
        (CONFLICTS, await reader.conflicts(REGENCY)),
        (PROPOSALS, await reader.proposals(REGENCY)),
        (MOVERS, await analyst.movers(REGENCY)),
        (MOVERS, await analyst.movers(TPS[0])),
        (MOVERS, await PostgresAnalyst(reader.seen_by(Seen((TPS[1],)))).movers(REGENCY)),
        (LARGE, await analyst.large_tps(REGENCY, 1)),
    )
    return [*rolls, *recaps, *(masked_list(listed, answer) for listed, answer in lists)]


def decoded(event: dict[str, Any]) -> dict[str, Any]:
    """An event of a voter's history as `PostgresReader.history` gives it, masked."""
    held = event["event"]
    return disclosed(event | {"event": None if held is None else msgspec.json.decode(held)})


async def figures_of(reader: FiguresReader, registry: Registry, area: str) -> list[Any]:
    """Every figure of an area and what it is made of, as `reader` gives it."""
    asked = (
        (FAMILIES, await reader.split_families(area)),
        (DUPLICATES, await reader.duplicates(area, 0.5)),
        (PROGRESS, await reader.progress(area, "tps")),
        (LATE, await reader.late(area)),
        (HEALTH, await reader.device_health(REGENCY)),
    )
    visits = await reader.visits(area)
    entries = [{name: row[name] for name in Visit._fields if name != "home"} for row in visits.rows]
    as_of, reports = await officers_reports(reader, area, "daily")
    advised, advice = await visits_advice(reader, registry, area)
    heard, devices = await devices_health(reader, registry, area)
    return [
        *(masked_list(listed, answer) for listed, answer in asked),
        Answer(visits.as_of, entries),
        Answer(as_of, rows_disclosed(reports)),
        Answer(advised, rows_disclosed(advice)),
        Answer(heard, devices),
    ]


async def rolls_and_recaps(past: Past) -> list[Any]:
    rolls = [await past.roll(tps) for tps in TPS]
    return [*rolls, *[await past.recap(area, level) for area, level in AREAS]]


async def said(past: Past) -> list[Any]:
    lists = (
        (CONFLICTS, await past.conflicts(REGENCY)),
        (PROPOSALS, await past.proposals(REGENCY)),
        (MOVERS, await past.movers(REGENCY)),
        (MOVERS, await past.movers(TPS[0])),
        (MOVERS, await past.movers(REGENCY, sees=lambda tps: tps == TPS[1])),
        (LARGE, await past.large_tps(REGENCY, 1)),
    )
    return [*await rolls_and_recaps(past), *(masked_list(listed, answer) for listed, answer in lists)]


def masked_list(listed: List, answer: Answer) -> Answer:
    """A list in its order, each row with its columns in one order, masked as both doors show it."""
    rows = sorted(answer.rows, key=lambda row: order_of(row, listed.order))
    return Answer(answer.as_of, [dict(sorted(disclosed(row).items())) for row in rows])


def written(answers: list[Any]) -> list[bytes]:
    """The answers as bytes; of a recap of a part, without the counts that only the whole regency could release."""
    return [msgspec.json.encode(comparable(answer)) for answer in answers]


def comparable(answer: Any) -> Any:
    if isinstance(answer, list):
        return answer
    rows = [without_disabilities(row) if "level" in row else row for row in answer.rows]
    return msgspec.structs.replace(answer, rows=rows)


def without_disabilities(row: dict[str, Any]) -> dict[str, Any]:
    return row if row["level"] in WHOLE else row | dict.fromkeys(COLUMNS)


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_past_is_what_was_said_then(postgres_server: EmbeddedPostgres, schema: str, seed: int) -> None:
    """As of each time at which the projector ever stopped, every roll, digest and recap is byte for byte what the live
    one said; as of a position, what was said of it last, and every list too. The last of them is the live roll."""
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        office = Office(seed, postgres_server, schema, reader)
        for piece in range(PIECES):
            await office.grow(piece)
        await office.store.close()
        by_position = {position: answers for position, _, answers in office.said}
        assert PIECES <= len(by_position) < len(office.said)
        for position, answers in by_position.items():
            assert written(await office.then(await office.past(position))) == answers
        last = PastAnalyst(await office.past(office.said[-1][0]))
        assert bool((await last.late(REGENCY)).rows) == (seed == SEEDS[1])
        for _, time, answers in office.said[::2]:
            then = written(await rolls_and_recaps(await office.past(time)))
            assert then == answers[: len(then)]


async def test_between_two_steps_the_past_is_a_projection_stopped_there(
    postgres_server: EmbeddedPostgres, schema: str
) -> None:
    """As of a position inside a step, the roll is what a projector that was stopped there would have said."""
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        office = Office(5, postgres_server, schema, reader)
        await append_all(office.journal, office.history.arrivals, 0)
        last = (await office.journal.last()).events
        expected = {}
        for position in (last // 3, last // 2):
            stopped = f"{schema}_{position}"
            store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=stopped)
            there = await office.journal.last()
            until = type(there)(position, there.persons)
            await Projector(office.journal, store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up(
                until=until
            )
            await store.close()
            async with PostgresReader(postgres_server.dsn, schema=stopped) as other:
                expected[position] = [comparable(answer).rows for answer in await live_of(other)]
        await office.projector.run_until_caught_up()
        await office.store.close()
        for position, rows in expected.items():
            assert [comparable(answer).rows for answer in await said(await office.past(position))] == rows


async def test_moments_that_were_not(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """A position ahead, a time before everything and what is no moment are refused by a sentence; 0 is nobody."""
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        office = Office(6, postgres_server, schema, reader)
        await office.grow(0)
        await office.store.close()
        last = (await reader.as_of(REGENCY)).events
        for at in (last + 1, -1, datetime(2000, 1, 1, tzinfo=UTC)):
            with pytest.raises(EcoklitError, match=r"\.$") as refused:
                await office.past(at)
            assert refused.value.code == "not_projected"
        nobody = await office.past(0)
        assert (await nobody.roll(TPS[0])).rows == (await nobody.recap(REGENCY)).rows == []
        for area in ("9401", "94", "940401200"):
            with pytest.raises(EcoklitError) as refused:
                await nobody.recap(area)
            assert refused.value.code == "unknown_area"
    for text in ("yesterday", "2024-07-24T23:59:59", "-3", "٣"):
        with pytest.raises(EcoklitError, match="no moment"):
            moment_in(text)
    assert moment_in("12") == 12
    assert moment_in("2024-07-24T23:59:59+09:00") == datetime(2024, 7, 24, 14, 59, 59, tzinfo=UTC)


async def test_the_commands_look_back(
    postgres_server: EmbeddedPostgres,
    schema: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every command that shows what the roll says prints, with --at the position of now, what it prints without; of 0,
    nobody; and a moment that is none is the user's mistake."""
    async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
        journal = MemoryJournal()
        await append_all(journal, RandomHistory(7).arrivals)
        store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
        await Projector(journal, store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up()
        await store.close()
        now = str((await reader.as_of(REGENCY)).events)
        voter = str((await reader.roll(TPS[1])).rows[0]["voter"])
    monkeypatch.setenv("ECOKLIT_DATABASE_URL", postgres_server.dsn)
    monkeypatch.setenv("ECOKLIT_SCHEMA", schema)
    monkeypatch.setenv("ECOKLIT_ELECTION", ELECTION)
    monkeypatch.setenv("ECOKLIT_REGENCY", REGENCY)

    async def printed(*words: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, list(words))
        return code, capsys.readouterr().out

    for command in (
        ("roll", TPS[0], "--json"), ("recap", REGENCY, "--json"), ("roll", TPS[0]), ("recap", REGENCY),
        ("conflicts", REGENCY, "--json"), ("movers", REGENCY, "--json"), ("families", REGENCY),
        ("large", REGENCY, "--limit", "1"), ("duplicates", REGENCY, "--json"), ("progress", REGENCY, "--daily"),
        ("reports", REGENCY), ("late", REGENCY),
    ):  # fmt: skip
        live = await printed(*command)
        assert live[0] == 0 and await printed(*command, "--at", now) == live, command
    code, nobody = await printed("roll", TPS[1], "--at", "0")
    assert code == 0 and "0 pemilih" in nobody
    live = await printed("history", voter, "--json")
    assert live[0] == 0 and await printed("history", voter, "--json", "--at", now) == live
    assert (await printed("history", voter, "--at", "0"))[0] == 2
    assert (await printed("roll", TPS[0], "--at", str(int(now) + 1)))[0] == 2
    assert (await printed("roll", TPS[0], "--at", "yesterday"))[0] == 2
