"""Python for analysts: frames from the database and from the service, and the notebook that is in the documents."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import duckdb
import nbformat
import polars as pl
import pytest
import pytest_asyncio
from nbclient import NotebookClient
from polars.testing import assert_frame_equal

import ecoklit.analyst
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_sql_people import PostgresSqlPeople
from ecoklit.analyst import Lists, plots
from ecoklit.analyst.lists import Door
from ecoklit.bootstrap import open_house
from ecoklit.contract import policies
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.http.app import make_app
from ecoklit.http.serve import served
from ecoklit.ports import NewAccount, Push
from ecoklit.services.project import Projector
from ecoklit.testing import mimika
from ecoklit.testing.made_up_accounts import signed_in
from ecoklit.testing.made_up_settings import settings_for
from ecoklit.testing.memory_journal import MemoryJournal

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "coklit.ipynb"
REGENCY, VOTERS_OF_TPS = "9404", 40
PLACES = [tps for district in ("940401", "940409", "940416") for tps in mimika.tps_codes(district)[:4]]
FIRST_DAY = date(2024, 6, 24)


def coklit(election: str) -> dict[str, list[Held]]:
    """A list of twelve TPS in three districts and three weeks of work on it, by device."""
    office = DeviceLog(election, "a" * 16, officer="kpu", role="kpu", policy="2024-1")
    phone = DeviceLog(election, "b" * 16, officer="siti", role="pantarlih", policy="2024-1")
    born = [
        office.append(
            "listed", tps=tps, at="2024-06-20T09:00:00+09:00", source="dp4",
            person={"record": person.record(), "salt": ids.to_base64url(bytes(16))},
        )
        for tps in PLACES
        for person in mimika.people(tps)[:VOTERS_OF_TPS]
    ]  # fmt: skip
    done = []
    for number, voter in enumerate(born):
        if number % (4 + PLACES.index(voter.tps) // 4) == 3:
            continue  # nobody has been there yet
        day = FIRST_DAY + timedelta(days=number * 5 % (13 + 4 * (PLACES.index(voter.tps) // 4)))
        type, said = work(number, voter)
        done.append(
            phone.append(type, tps=voter.tps, at=f"{day}T10:00:00+09:00", voter=voter.voter, seen=[voter], **said)
        )
    return {office.device: born, phone.device: done}


def work(number: int, voter: Held) -> tuple[str, dict[str, Any]]:
    """What was found of the voter: most are there."""
    elsewhere = PLACES[(PLACES.index(voter.tps) + 5) % len(PLACES)]
    return {
        2: ("deceased", {"evidence": "death_certificate"}),
        3: ("deceased", {"evidence": "civil_registry"}),
        9: ("deceased", {"evidence": "village_letter"}),
        6: ("moved", {"to": elsewhere, "evidence": "ktp_el"}),
        11: ("moved", {"to_area": "9401", "evidence": "transfer_letter"}),
        13: ("disqualified", {"reason": "underage", "evidence": "birth_certificate"}),
        17: ("disqualified", {"reason": "military", "evidence": "service_card"}),
        18: ("not_met", {"why": "absent", "nth": 1}),
        21: ("moved", {"to_area": "91"}),
    }.get(number * number % 23 if number % 2 else number % 23, ("found", {"how": "in_person"}))


class Place(NamedTuple):
    server: EmbeddedPostgres
    schema: str
    election: str


@pytest_asyncio.fixture(loop_scope="session")
async def place(postgres_server: EmbeddedPostgres, schema: str) -> Place:
    election, journal = f"frames-{uuid.uuid4().hex[:8]}", MemoryJournal()
    for device, log in coklit(election).items():
        for first in range(0, len(log), 500):
            some = log[first : first + 500]
            head = await journal.head(device)
            persons = tuple((one.seq, one.person_bytes) for one in some if one.person_bytes is not None)
            events = tuple(one.event_bytes for one in some)
            await journal.append([Push(device, head.sequence if head else 0, events, persons)])
    store = PostgresRoll(postgres_server.dsn, election=election, regency=REGENCY, schema=schema)
    await Projector(journal, store, policies(), election=election, regency=REGENCY).run_until_caught_up()
    await store.close()
    return Place(postgres_server, schema, election)


@pytest_asyncio.fixture(loop_scope="session")
async def login(place: Place) -> AsyncIterator[Callable[..., Any]]:
    """Makes a login for SQL in some areas, and gives the address by which it connects."""
    made = []
    people = PostgresSqlPeople(place.server.dsn, schema=place.schema)

    async def make(*areas: str) -> str:
        name = f"rina{secrets.token_hex(6)}"
        async with PostgresOfficeDesk(place.server.dsn, schema=place.schema) as desk:
            await desk.add(
                NewAccount(name, "analyst", areas, frozenset(), "o-1", None, None, f"made-up {name}", "shell")
            )
        await people.open_to(name, areas, secrets.token_hex(12), datetime.now(UTC) + timedelta(days=1))
        made.append(name)
        return place.server.dsn.replace("postgresql://ecoklit@", f"postgresql://{name}@")

    yield make
    for name in made:
        await people.close_to(name)


async def connected(address: str, schema: str, **more: Any) -> Lists:
    return await asyncio.to_thread(ecoklit.analyst.connect, address, schema=schema, **more)


async def test_frames_say_what_the_lists_say(place: Place, login: Any) -> None:
    """Every list is a frame with the columns and types of its view, of one moment, with the numbers masked."""
    with await connected(await login(REGENCY), place.schema) as lists:
        voters, recap, progress = lists.voters("94.04.01"), lists.recap("94.04"), lists.progress("94.04", "district")
        assert lists.as_of is not None and lists.as_of.election == place.election
        assert recap["area"].to_list() == ["940401", "940409", "940416"]
        assert (recap["listed"] + recap["arrived"] - recap["departed"] - recap["removed"] == recap["on_list"]).all()
        assert voters.height == recap["on_list"][0] > 100
        assert voters["nik"].str.ends_with("*" * 9).all() and not voters["nik"].str.contains(r"^\d{16}$").any()
        assert voters.schema["attempts"] == pl.Int32 and voters.schema["conflicts"] == pl.List(pl.String)
        assert progress.schema == {"area": pl.String, "day": pl.Date, "kind": pl.String, "n": pl.Int64}
        assert progress["n"].sum() == len(coklit(place.election)["b" * 16])
        movers = lists.movers("9404")
        assert set(movers["state"]) == {"awaited", "gone", "proposed"} and movers.height > 20
        assert lists.conflicts("9404").height == 0 and "register" in lists.conflicts("9404").columns
        assert lists.proposals("9404").height > 5 and lists.late("9404").height == 0
        assert lists.families("9404").columns == ["regency", "nkk", "voters", "tps", "members"]
        assert lists.sql("select count(*) as n from voter_list where tps = $1", PLACES[0])["n"][0] > 20
        assert voters.to_pandas().shape == voters.shape
        assert duckdb.sql("select count(*) from voters").fetchall() == [(voters.height,)]


async def test_of_another_area_there_is_nothing(place: Place, login: Any) -> None:
    """A login sees the rows of its areas and no others; a table it may not read, and nothing may be written."""
    with await connected(await login("940401"), place.schema) as lists:
        assert lists.voters("940401").height > 100 and lists.voters("940409").height == 0
        assert lists.recap("9404")["area"].to_list() == ["940401"]
        assert lists.voters("9404")["tps"].str.starts_with("940401").all()
        with pytest.raises(EcoklitError, match="code"):
            lists.recap("9405")
        for statement in ("select * from voter", "select * from listed_voter", "create table mine (a integer)"):
            with pytest.raises(EcoklitError) as refused:
                lists.sql(statement)
            assert "SELECT" not in refused.value.message.upper()


@pytest.mark.parametrize("area", ["", "94", "940", "9404012001001x", "00", "Mimika"])
def test_what_is_no_area_is_refused_before_anything_is_asked(area: str) -> None:
    """One sentence that says what an area is."""
    with pytest.raises(EcoklitError) as refused:
        Lists(mock.create_autospec(Door)).voters(area)
    assert refused.value.code == "unknown_area"


@pytest.mark.parametrize(
    ("address", "says"),
    [("", "ECOKLIT_ANALYST_URL"), ("ftp://x", "postgresql://"), ("http://coklit.example", "https://")],
)
def test_a_wrong_address_is_refused(address: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token goes over a wire in the open, and what is no address is said to be none."""
    monkeypatch.delenv("ECOKLIT_ANALYST_URL", raising=False)
    with pytest.raises(EcoklitError, match=says):
        ecoklit.analyst.connect(address, token="secret")


async def test_the_service_gives_the_same_frames(
    place: Place, login: Any, nats_server: EmbeddedNats, tmp_path: Path
) -> None:
    """Over HTTP with a token and over SQL with a login: the same rows and columns, page by page."""
    settings = settings_for(tmp_path, nats_server, place.server, place.schema, election=place.election)
    async with open_house(settings) as house, served(make_app(house), "127.0.0.1", 0) as url:
        rina = await signed_in(house.accounts_store, REGENCY, role="analyst")
        over_http = await connected(url, place.schema, token=rina.token)
        with await connected(await login(REGENCY), place.schema) as in_sql:
            for name, area in (
                ("voters", PLACES[0]), ("voters", "9404092003"), ("recap", "9404"), ("progress", "9404"),
                ("movers", "940401"), ("proposals", "9404"), ("families", "9404"), ("late", "9404"),
            ):  # fmt: skip
                one = await asyncio.to_thread(getattr(over_http, name), area)
                other = await asyncio.to_thread(getattr(in_sql, name), area)
                assert over_http.as_of == in_sql.as_of
                columns = [column for column in one.columns if column in other.columns]
                assert len(columns) >= min(len(other.columns), 4), (name, one.columns, other.columns)
                assert_frame_equal(
                    one.select(columns).sort(columns), other.select(columns).sort(columns), check_dtypes=False
                )
        stranger = await connected(url, place.schema, token="x")
        with pytest.raises(EcoklitError) as refused:
            await asyncio.to_thread(stranger.recap, "9404")
        assert refused.value.code == "not_signed_in"


async def test_the_notebook_runs(place: Place, login: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell of docs/notebooks/coklit.ipynb runs on a made-up regency, and draws its three pictures."""
    address = await login(REGENCY)
    # A notebook has the schema of every installation; this one's is the test's.
    monkeypatch.setenv("ECOKLIT_ANALYST_URL", address)
    monkeypatch.setenv("ECOKLIT_ANALYST_SCHEMA", place.schema)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    await NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).async_execute()
    pictures = [
        base64.b64decode(output["data"]["image/png"])
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 3 and min(map(len, pictures)) > 5_000
    if folder := os.environ.get("ECOKLIT_PICTURES"):
        for number, picture in enumerate(pictures):
            (Path(folder) / f"notebook-{number}.png").write_bytes(picture)


def test_pictures_of_nothing_are_pictures() -> None:
    """Before the first entry there is nothing to draw, and that is drawn."""
    empty = pl.DataFrame(schema={"area": pl.String, "day": pl.Date, "kind": pl.String, "n": pl.Int64})
    plots.progress(empty).canvas.draw()
    plots.removals(pl.DataFrame(schema=dict.fromkeys(plots.REASONS, pl.Int64))).canvas.draw()
    movers = pl.DataFrame(schema={"state": pl.String, "from_tps": pl.String, "to_tps": pl.String})
    plots.flow(movers).canvas.draw()
