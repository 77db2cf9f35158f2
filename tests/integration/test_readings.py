"""The read log over HTTP: auditors and the office see who was shown what of their areas, and check the whole."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import asyncpg
import httpx
import pytest
import pytest_asyncio

from ecoklit.adapters.data_folder import key_folder, save_key
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_schema import office_of
from ecoklit.bootstrap import House, open_house
from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.http.app import make_app
from ecoklit.services.accounts import viewer_of
from ecoklit.services.read_log import Shown
from ecoklit.services.viewer import OWN_RIGHTS
from ecoklit.testing.made_up_accounts import SignedIn, signed_in
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.made_up_settings import settings_for

VILLAGE, OTHER = "9404012001", "9404021001"
AT: Final = "2024-06-25T09:00:00+09:00"
STRANGER: Final = "20a136e2-4c5f-8ec7-a2f4-cde6e20457a0"


class Office(NamedTuple):
    house: House
    http: httpx.AsyncClient
    dsn: str
    voters: dict[str, str]
    rina: SignedIn

    async def account(self, area: str, role: str) -> SignedIn:
        return await signed_in(self.house.accounts_store, area, role=role)

    async def ask(self, who: SignedIn, path: str, status: int = 200) -> Any:
        answer = await self.http.get(f"/v1/{path}", headers=who.headers)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office(
    nats_server: EmbeddedNats, postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    """A voter in each of two villages; Rina was shown the lists of all areas around them, and each voter's history."""
    folder, schema = tmp_path_factory.mktemp("readings"), f"test_{secrets.token_hex(8)}"
    settings = settings_for(folder, nats_server, postgres_server, schema)
    election = MadeUpElection(settings.election, "9404")
    election.device("k", officer="o-1")
    save_key(key_folder(folder, settings.election, "9404"), "service", election.service)
    async with open_house(settings) as house:
        await election.store(house.registry)
        transport = httpx.ASGITransport(app=make_app(house), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://ecoklit") as http:
            log = DeviceLog(settings.election, made_up_device(1, "k"), officer="o-1", role="kpu", policy="2024-1")
            person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS)}
            held = [
                log.append("listed", tps=f"{village}001", at=AT, source="dp4-2024", person=person)
                for village in (VILLAGE, OTHER)
            ]
            sent = {"content-type": "application/x-ndjson"}
            assert (await http.post("/v1/push", content=signed_push(held), headers=sent)).status_code == 200
            await house.projector.run_until_caught_up()
            rina = await signed_in(house.accounts_store, "9404", role="kpu", login="rina")
            viewer = viewer_of(rina.account)
            for area in ("9404", "940401", VILLAGE, f"{VILLAGE}001", f"{VILLAGE}002", OTHER, f"{OTHER}001"):
                await house.ledger.disclose(viewer, Shown("roll", area, 1, 2))
            for voter in (held[0].voter, held[1].voter, STRANGER):
                await house.ledger.disclose(viewer, Shown("history", None, 1, 2, voter=voter))
            voters = dict(zip((VILLAGE, OTHER), (one.voter for one in held), strict=True))
            yield Office(house, http, postgres_server.dsn, voters, rina)


def about(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["area"] or entry["voter"] for entry in entries if entry["login"] == "rina"]


@pytest.mark.parametrize("role", ["auditor", "kpu"])
async def test_who_was_shown_what_of_an_area(office: Office, role: str) -> None:
    """Of an area, of its parts, of wider ones and of voters who stand there: the latest first, and of no other area."""
    who = await office.account("9404", role)
    found = await office.ask(who, f"readings/{VILLAGE}")
    expected = ["9404", "940401", VILLAGE, f"{VILLAGE}001", f"{VILLAGE}002", office.voters[VILLAGE]]
    assert about(found["entries"]) == expected[::-1] and found["next"] is None
    tps = await office.ask(who, f"readings/{OTHER[:2]}.{OTHER[2:]}001")
    assert about(tps["entries"]) == [office.voters[OTHER], f"{OTHER}001", OTHER, "9404"]
    narrow = await office.account(VILLAGE, "auditor")
    assert about((await office.ask(narrow, f"readings/{VILLAGE}"))["entries"]) == expected[::-1]
    for area in (OTHER, "9404", "940401"):
        assert (await office.ask(narrow, f"readings/{area}", 403))["code"] == "not_your_area"


async def test_filters_and_pages_give_each_entry_once(office: Office) -> None:
    """By reader, by action, by voter; pages by a sealed cursor come to the same, also when entries come meanwhile."""
    who = await office.account("9404", "auditor")
    whole = (await office.ask(who, f"readings/{VILLAGE}?login=rina"))["entries"]
    assert len(whole) == 6 and {entry["login"] for entry in whole} == {"rina"}
    pages, cursor = [], ""
    while cursor is not None:
        page = await office.ask(who, f"readings/{VILLAGE}?login=rina&limit=2" + (f"&cursor={cursor}" if cursor else ""))
        pages += page["entries"]
        cursor = page["next"]
    assert pages == whole
    for asked, expected in (
        ("action=history", [office.voters[VILLAGE]]),
        (f"voter={office.voters[VILLAGE]}", [office.voters[VILLAGE]]),
        ("login=nobody", []),
        (f"voter={STRANGER}", []),
    ):
        assert about((await office.ask(who, f"readings/{VILLAGE}?{asked}"))["entries"]) == expected
    page = await office.ask(who, f"readings/{VILLAGE}?login=rina&limit=2")
    for wrong in (
        "voter=7777777777777777", "who=rina", "limit=0", "limit=1001", "cursor=none", f"cursor={page['next']}",
        f"login=rina&action=roll&cursor={page['next']}",
    ):  # fmt: skip
        assert (await office.ask(who, f"readings/{VILLAGE}?{wrong}", 400))["code"] == "bad_argument", wrong
    for area in ("94", "9404x", "rina"):
        assert (await office.ask(who, f"readings/{area}", 400))["code"] == "unknown_area"


async def test_who_read_the_log_is_in_it(office: Office) -> None:
    """Reading the log is an entry of it, with who and where."""
    who = await office.account("9404", "auditor")
    await office.ask(who, f"readings/{OTHER}")
    latest = (await office.ask(who, f"readings/{OTHER}"))["entries"][0]
    assert (latest["login"], latest["action"], latest["area"], latest["rows"]) == (
        who.account.login, "readings", OTHER, 0,
    )  # fmt: skip


@pytest.mark.parametrize("role", sorted(set(OWN_RIGHTS) - {"auditor", "kpu"}))
async def test_nobody_else_reads_the_log(office: Office, role: str) -> None:
    """Every other role is refused, at home too."""
    area = {"pantarlih": f"{VILLAGE}001", "ppk": VILLAGE[:6]}.get(role, VILLAGE)
    who = await office.account(area, role)
    for path in (f"readings/{area}", "read-log", "read-log/verify"):
        assert (await office.ask(who, path, 403))["code"] == "not_your_right"


async def test_a_log_that_was_changed_or_cut_is_found(office: Office) -> None:
    """The check names the first entry that is not what was written; an end noted before shows what was cut."""
    who = await office.account("9404", "auditor")
    end = await office.ask(who, "read-log")
    noted = f"entry={end['entries']}&hash={end['hash']}"
    sound = await office.ask(who, f"read-log/verify?{noted}")
    assert (sound["entries"], sound["hash"], sound["broken"], sound["has_noted"]) == (
        end["entries"], end["hash"], None, True,
    )  # fmt: skip
    for wrong in ("entry=1", f"hash={end['hash']}", "entry=0&hash=" + end["hash"], "entry=1&hash=AB"):
        assert (await office.ask(who, f"read-log/verify?{wrong}", 400))["code"] == "bad_argument"
    connection = await asyncpg.connect(
        office.dsn, server_settings={"search_path": office_of(office.house.settings.schema)}
    )
    await connection.execute("alter table read_log disable trigger read_log_stays")
    row = await connection.fetchrow("delete from read_log where entry = $1 returning *", end["entries"])
    assert row is not None
    cut = await office.ask(who, f"read-log/verify?{noted}")
    assert (cut["broken"], cut["has_noted"]) == (None, False)
    columns = ", ".join(row.keys())
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await connection.execute(f"insert into read_log ({columns}) values ({places})", *row.values())
    await connection.execute("update read_log set rows = rows + 1 where entry = 3")
    assert (await office.ask(who, "read-log/verify"))["broken"] == 3
    await connection.execute("update read_log set rows = rows - 1 where entry = 3")
    await connection.execute("alter table read_log enable trigger read_log_stays")
    await connection.close()
    assert (await office.ask(who, f"read-log/verify?{noted}"))["has_noted"] is True
