"""Every figure of a recap is the sum over its parts, at every level up to the province, whatever was written and in
whatever order."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from typing import Any

import asyncpg
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_analyst import PostgresAnalyst
from ecoklit.adapters.postgres_reader import PostgresReader
from ecoklit.adapters.postgres_schema import add_regency, prepare
from ecoklit.core.suppression import COLUMNS as DISABILITIES
from ecoklit.services.answers import province_sum
from ecoklit.services.as_of import COUNTS

PROVINCE, REGENCIES, ELECTION = "94", ("9404", "9405"), "pilkada-2024"
TPS = {
    "9404": ("9404012001001", "9404012001002", "9404012002001", "9404021001001"),
    "9405": ("9405011001001", "9405011001002"),
}
LEVELS = {"regency": 4, "district": 6, "village": 10, "tps": 13}
REASONS = ("duplicate", "underage", "foreign", "military", "police", "revoked", "unknown", "entry_error")
ON_LIST = ("confirmed", "unvisited")

Row = dict[str, Any]


@st.composite
def voters(draw: st.DrawFn) -> Row:
    """A voter as a row of the table, of either regency."""
    regency = draw(st.sampled_from(REGENCIES))
    verdict = draw(st.sampled_from((*ON_LIST, *ON_LIST, "moved_away", "deceased", "disqualified")))
    return {
        "regency": regency,
        "tps": draw(st.sampled_from(TPS[regency])),
        "first_tps": draw(st.sampled_from(TPS[regency])),
        "source": draw(st.sampled_from((None, "dp4-2024"))),
        "verdict": verdict,
        "reason": draw(st.sampled_from(REASONS)) if verdict == "disqualified" else None,
        "changed": draw(st.booleans()),
        "attempts": draw(st.integers(0, 2)),
        "conflicts": draw(st.sampled_from((None, ["tps"]))),
        "proposed": draw(st.sampled_from((None, ["deceased"]))),
        "sex": draw(st.sampled_from((None, "L", "P"))),
        "disability": draw(st.sampled_from((None, None, *DISABILITIES))),
        "ektp": draw(st.sampled_from((None, "S", "B"))),
    }


writes = st.lists(
    st.tuples(st.sampled_from(("insert", "insert", "insert", "update", "delete")), st.integers(0, 30), voters()),
    min_size=1,
    max_size=30,
)


def columns_of(row: Row) -> list[str]:
    """The columns in which a voter counts at its present TPS, apart from those of coming and going."""
    on_list = row["verdict"] in ON_LIST
    found = [] if on_list else ["removed", row["reason"] or row["verdict"]]
    if row["verdict"] != "unvisited" or row["proposed"]:
        found.append("visited")
    if row["verdict"] == "confirmed":
        found.append("baru" if row["source"] is None else "ubah" if row["changed"] else "sesuai")
    if row["verdict"] == "unvisited":
        found += ["unvisited", *(["not_met"] if row["attempts"] else [])]
    found += [name for name, column in (("proposed", "proposed"), ("in_conflict", "conflicts")) if row[column]]
    if on_list:
        found += ["on_list", {"L": "male", "P": "female", None: "sex_unknown"}[row["sex"]]]
        found += [{"S": "ektp", "B": "ektp_none", None: "ektp_unknown"}[row["ektp"]]]
        found += [row["disability"]] if row["disability"] else []
    return found


def counted(rows: list[Row]) -> dict[str, Counter[str]]:
    """TPS → its counts, each voter one by one."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        birth = "new" if row["source"] is None else "listed"
        here, first = (counts.setdefault(row[place], Counter()) for place in ("tps", "first_tps"))
        here.update(columns_of(row))
        first[birth] += 1
        if row["tps"] != row["first_tps"]:
            here["arrived"] += 1
            first["departed"] += 1
    return counts


def summed(by_tps: dict[str, Counter[str]], digits: int) -> dict[str, Counter[str]]:
    """Area of so many digits → its counts."""
    areas: dict[str, Counter[str]] = {}
    for tps, counts in by_tps.items():
        area = areas.setdefault(tps[:digits], Counter())
        area.update(counts)
        area["tps_count"] += counts["on_list"] > 0
    return areas


async def write(connection: asyncpg.Connection, said: list[tuple[str, int, Row]]) -> list[Row]:
    """Do what is said, each a statement of its own; what then stands there."""
    stands: list[tuple[uuid.UUID, Row]] = []
    for verb, which, row in said:
        if verb == "insert" or not stands:
            voter = uuid.uuid4()
            stands.append((voter, row))
            await connection.execute(
                "insert into voter (voter, attempts, changed, regency, tps, first_tps, source, verdict, reason,"
                " conflicts, proposed, sex, disability, decision, record)"
                " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', $14)",
                voter, *(row[name] for name in _INSERTED), _record(row),
            )  # fmt: skip
            continue
        at = which % len(stands)
        voter, known = stands[at]
        if verb == "delete":
            del stands[at]
            await connection.execute("delete from voter where regency = $1 and voter = $2", known["regency"], voter)
        else:
            row = row | {name: known[name] for name in ("regency", "first_tps", "source")}
            row["tps"] = TPS[row["regency"]][which % len(TPS[row["regency"]])]
            stands[at] = (voter, row)
            await connection.execute(
                "update voter set attempts = $3, changed = $4, tps = $5, verdict = $6, reason = $7, conflicts = $8,"
                " proposed = $9, sex = $10, disability = $11, record = $12 where regency = $1 and voter = $2",
                row["regency"], voter, *(row[name] for name in _UPDATED), _record(row),
            )  # fmt: skip
    return [row for _, row in stands]


_UPDATED = ("attempts", "changed", "tps", "verdict", "reason", "conflicts", "proposed", "sex", "disability")
_INSERTED = (
    "attempts", "changed", "regency", "tps", "first_tps", "source", "verdict", "reason", "conflicts", "proposed",
    "sex", "disability",
)  # fmt: skip


def _record(row: Row) -> str:
    fields = {"disability": row["disability"], "ektp": row["ektp"], "sex": row["sex"]}
    return json.dumps({"conflicts": [], "fields": fields, "salts": []}, separators=(",", ":"))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=writes)
@example(said=[])
def test_every_column_at_every_level_is_what_the_voters_give(
    postgres_server: EmbeddedPostgres, schema: str, said: list[tuple[str, int, Row]]
) -> None:
    """From a TPS to the province, and over two regencies: each count is that of the voters one by one; a count of few
    people is left out, and then so is the province's."""

    async def check() -> None:
        connection = await asyncpg.connect(postgres_server.dsn, server_settings={"ecoklit.areas": "*"})
        try:
            await prepare(connection, schema)
            for regency in REGENCIES:
                await add_regency(connection, regency, ELECTION)
            await connection.execute("delete from voter")
            by_tps = counted(await write(connection, said))
            async with PostgresReader(postgres_server.dsn, schema=schema) as reader:
                analyst = PostgresAnalyst(reader)
                for level, digits in LEVELS.items():
                    exact = await connection.fetch("select * from recap_counts where level = $1", level)
                    expected = summed(by_tps, digits)
                    assert {row["area"]: {name: row[name] for name in ("tps_count", *COUNTS)} for row in exact} == {
                        area: {name: counts[name] for name in ("tps_count", *COUNTS)}
                        for area, counts in expected.items()
                    }
                    moments, rows = await analyst.province(PROVINCE, level)
                    assert [moment.regency for moment in moments] == list(REGENCIES)
                    assert [row["area"] for row in rows] == sorted(expected)
                    for row in rows:
                        told = expected[row["area"]]
                        assert all(row[name] == told[name] for name in COUNTS if name not in DISABILITIES)
                        assert all(row[name] in (None, told[name]) for name in DISABILITIES)
                _, regencies = await analyst.province(PROVINCE, "regency")
                whole, everybody = province_sum(PROVINCE, regencies), summed(by_tps, 2).get(PROVINCE, Counter())
                for name in ("tps_count", *COUNTS):
                    hidden = any(row[name] is None for row in regencies)
                    assert whole[name] == (None if hidden else everybody[name]), name
        finally:
            await connection.close()

    asyncio.run(check())
