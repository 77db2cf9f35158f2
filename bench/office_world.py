"""A million made-up voters in a database, and a province of ten million in its counts.

The people are those of Mimika, each polling place told several times over under other codes (101 to 524), so that the
codes of `sync_world.py` stay free. They go in as the projector writes them, by its own store; nobody's events are
there, since no list or count reads them, and the checkpoint stays before the first event.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import asyncpg
import msgspec
from sync_world import ELECTION, REGENCY

from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_schema import add_regency
from ecoklit.core import ids
from ecoklit.core.person import Record
from ecoklit.core.voter import Decision, Particulars, encode_decision
from ecoklit.ports import PlacementRow, Step, VoterRow
from ecoklit.testing import mimika

STEP_VOTERS = 4_000
COPY_CODES = 100
"""By so much the codes of each telling are above those before; no village has as many polling places."""
TELLINGS_MAX = 5
VISITED_OF_TEN = 6
PROVINCE = "32"
PROVINCE_REGENCIES = 10

_DEVICE = ids.device_id("ed25519", bytes(32))


def places() -> Iterator[tuple[str, mimika.Tps]]:
    """(code, the TPS of Mimika whose people it has)."""
    for telling in range(1, TELLINGS_MAX + 1):
        for tps in mimika.polling_places():
            yield f"{tps.code[:10]}{int(tps.code[10:]) + telling * COPY_CODES:03}", tps


def codes(voters: int) -> list[str]:
    """The TPS that have all their people when the regency has so many."""
    whole = []
    for code, tps in places():
        voters -= tps.voters
        if voters < 0:
            break
        whole.append(code)
    return whole


async def fill(dsn: str, voters: int) -> None:
    """Put so many voters into the roll of the regency."""
    store = PostgresRoll(dsn, election=ELECTION, regency=REGENCY)
    rows = islice(_rows(), voters)
    while some := list(islice(rows, STEP_VOTERS)):
        before = await store.checkpoint()
        step = Step(
            before,
            before._replace(revision=before.revision + 1),
            voters=some,
            placements=[PlacementRow(before.revision + 1, row.voter, row.tps) for row in some],
        )
        await store.apply(step)
    await store.close()


def _rows() -> Iterator[VoterRow]:
    seq = 0
    for code, tps in places():
        for person in mimika.people(tps.code):
            seq += 1
            yield _row(seq, code, person)


def _row(seq: int, tps: str, person: mimika.MadeUp) -> VoterRow:
    mark = ids.to_base64url(ids.sha256(b"%d" % seq))
    voter = ids.birth_id(ELECTION, _DEVICE, seq, mark)
    verdict = "confirmed" if seq % 10 < VISITED_OF_TEN else "unvisited"
    clock = {_DEVICE: seq}
    decision = Decision([f"{_DEVICE}:{seq}"], 0, clock, [], True, [], None, REGENCY, tps, verdict, voter)
    record = msgspec.json.encode(Particulars([], Record(**person.record()), [mark[:22]])).decode()
    return VoterRow(
        voter, 0, False, tps, tps, "dp4-2024", verdict, None, None, None, person.sex, person.disability,
        encode_decision(decision), record,
    )  # fmt: skip


async def fill_province(dsn: str) -> int:
    """Counts as those of the regency, under the codes of a province's regencies; how many voters they count."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("set search_path = ecoklit")
        columns = [
            name
            for (name,) in await connection.fetch(
                "select attname from pg_attribute where attrelid = 'tps_count'::regclass and attnum > 2 order by attnum"
            )
        ]
        said = ", ".join(f'"{name}"' for name in columns)
        for nth in range(1, PROVINCE_REGENCIES + 1):
            regency = f"{PROVINCE}{nth:02}"
            await add_regency(connection, regency, ELECTION)
            await connection.execute(
                f"insert into tps_count (regency, tps, {said}) select $1, $1 || substr(tps, 5), {said} from tps_count"
                " where regency = $2",
                regency,
                REGENCY,
            )
        await connection.execute("analyze")
        return int(
            await connection.fetchval("select sum(on_list) from tps_count where starts_with(regency, $1)", PROVINCE)
        )
    finally:
        await connection.close()
