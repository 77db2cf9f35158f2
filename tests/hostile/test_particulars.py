"""One made-up voter, whom nobody can take for something else, goes through everything; then all that was logged, asked,
named or answered with an error is searched for her: nothing.

The same search stands at the end of every run of pytest (testing/hostile/recording.py).
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import nats
import pytest
from nats.aio.client import Client, RawCredentials

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.nats_credentials import USER, BrokerKey, credentials
from ecoklit.core import canonical, ids, wire
from ecoklit.core.broker_names import inbox_of
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.head import sign_head
from ecoklit.core.push_file import write_push
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.testing.hostile.besieged import Besieged, besieged
from ecoklit.testing.hostile.particulars import CANARY, NEEDLES, Recorder
from ecoklit.testing.hostile.recording import RECORDER
from ecoklit.testing.made_up_keys import known_key
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push

TPS = "9404012001001"
AT = "2024-06-25T09:00:00+09:00"
NDJSON = {"content-type": "application/x-ndjson"}
NIK, NAME = str(CANARY["nik"]), str(CANARY["name"])


@pytest.fixture(autouse=True)
def unheard(request: pytest.FixtureRequest) -> Iterator[None]:
    """What these tests say on purpose is no leak of this run."""
    recorder = request.config.stash[RECORDER]
    recorder.deaf = True
    yield
    recorder.deaf = False


def log_of(election: MadeUpElection, name: str) -> DeviceLog:
    from ecoklit.testing.made_up_keys import made_up_key

    return DeviceLog(
        election.election, made_up_key(election.seed, name).device, officer=name, role="kpu", policy="2024-1"
    )


def listed(log: DeviceLog) -> Held:
    person = {"salt": ids.to_base64url(bytes(16)), "record": CANARY}
    return log.append("listed", tps=TPS, at=AT, source="dp4-2024", person=person)


def hostile_bodies(log: DeviceLog) -> list[bytes]:
    """Pushes that are refused, or taken aside, with the voter's particulars in every place where they do not belong."""
    good = listed(log)
    body = canonical.decode(good.event_bytes)
    spoiled: list[bytes] = []
    for name in (*body, "nik", "name"):
        for value in (NIK, NAME, [NIK], {NAME: NIK}):
            changed = canonical.encode(body | {name: value})
            head = sign_head(known_key(log.device), log.election, 1, ids.sha256(changed))
            spoiled.append(write_push([wire.write(changed, good.person_bytes)], head))
    person: dict[str, Any] = {"salt": ids.to_base64url(bytes(16)), "record": dict(CANARY)}
    for field in CANARY:
        other = canonical.encode(person | {"record": CANARY | {field: [NIK, NAME]}})
        spoiled.append(signed_line(log, good, wire.write(good.event_bytes, other)))
    line = good.line
    spoiled += [
        signed_line(log, good, line[: len(line) // 2]), signed_line(log, good, line.replace(b'"', b"'")), line,
        line * 3, NIK.encode(), b'{"%b":"%b"}\n' % (NIK.encode(), NAME.encode()),
        signed_push([good]).replace(b"v", b"\xff"),
    ]  # fmt: skip
    return spoiled


def signed_line(log: DeviceLog, held: Held, line: bytes) -> bytes:
    return write_push([line], sign_head(known_key(log.device), log.election, held.seq, held.hash))


async def test_she_is_nowhere_but_in_the_lists(postgres_server: EmbeddedPostgres) -> None:
    """A voter's number, name and address, sent in the right place and in every wrong one, over both doors, are in no
    answer that refuses, no log of the service, the broker or the database, no subject and no published list."""
    schema = f"test_{uuid.uuid4().hex[:16]}"
    election = MadeUpElection(f"canary-{uuid.uuid4().hex[:12]}")
    names = [f"office-{nth}" for nth in range(120)]
    for name in names:
        election.device(name)
    said: list[bytes] = []
    with tempfile.TemporaryDirectory(prefix="ecoklit-") as folder:
        async with (
            besieged(Path(folder), postgres_server.dsn, election, schema) as service,
            httpx.AsyncClient(base_url=service.url, timeout=60, headers=service.readers[0]) as http,
        ):
            good = await http.post(
                "/v1/push", content=signed_push([listed(log_of(election, names[0]))]), headers=NDJSON
            )
            assert good.status_code == 200
            phone = await broker_client(service, log_of(election, names[1]).device)
            count = len(hostile_bodies(log_of(election, names[1])))
            for nth in range(count):
                log = log_of(election, names[1 + nth])
                body = hostile_bodies(log)[nth]
                answer = await http.post("/v1/push", content=body, headers=NDJSON)
                said.append(answer.content)
                again = await phone.request(f"ecoklit.push.{log_of(election, names[1]).device}", body, timeout=60)
                said.append(again.data + str(again.headers).encode())
            for word in (NIK, quote(NAME), NIK[:4], f"{NIK}/history"):
                for path in ("rolls", "recap", "conflicts", "voters", "devices", "credentials", "pull?tps="):
                    asked = await http.get(f"/v1/{path}{'' if path.endswith('=') else '/'}{word}")
                    said.append(asked.content if asked.status_code >= 400 else b"")
            await phone.close()
            asked = await everywhere(service)
            assert len(asked) > 200
            said += asked
            roll = await caught_up(service, http)
            born = listed(log_of(election, names[0]))
            history = (await http.get(f"/v1/voters/{born.voter}/history")).text
            subjects = await subjects_of(service)
            logs = service.log.read_bytes() + (service.broker.folder / "nats-server.log").read_bytes()
            health = (await http.get("/health/ready")).content
        database = await refused_by_the_database(postgres_server, schema)
    assert NAME in roll, "she must be on the list, or the search proves nothing"
    assert NIK not in roll and str(CANARY["nkk"]) not in roll
    refusing = [one for one in said if b'"receipt"' not in one]
    assert len(refusing) > count
    assert NIK not in history
    searched = {
        "answers": refusing, "receipts": said, "subjects": subjects, "logs": [logs], "database": [database],
        "health": [health],
    }  # fmt: skip
    leaks = {
        (place, text.decode(errors="replace"))
        for place, texts in searched.items()
        for text in texts
        if any(one.encode() in text for one in NEEDLES)
    }
    assert not leaks, "\n".join(f"{place}: {text[:400]}" for place, text in sorted(leaks))


async def everywhere(service: Besieged) -> list[bytes]:
    """What every door that the service's own document names answers, refusing, to whoever puts her number or name into
    each part of its path, each parameter and each field of its body; and what it says of itself."""
    answers: list[bytes] = []
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as http:
        document = (await http.get("/openapi.json")).json()
        doors = [
            (method, path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if method != "delete" or "session" not in path  # or the next would have none
        ]
        for nth, (method, path, operation) in enumerate(doors):
            headers = service.readers[nth % len(service.readers)]
            for url, body in spoilt_requests(path, operation):
                answer = await http.request(method, url, headers=headers, json=body)
                answers.append(str(answer.headers).encode() + (answer.content if answer.status_code >= 400 else b""))
        answers.append((await http.get("/metrics")).content)
    return answers


def spoilt_requests(path: str, operation: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    given = operation.get("parameters", [])
    query = [one["name"] for one in given if one["in"] == "query"]
    fields = ("login", "password", "code", "reason", "kind", "area", "says", "voter", "granted", NAME)
    for word in (NIK, NAME):
        filled = re.sub(r"\{[^}]*\}", quote(word), path)
        good = re.sub(r"\{[^}]*\}", "9404", path)
        body = dict.fromkeys(fields, word) if "requestBody" in operation else None
        yield filled, body
        yield good, body
        for name in (*query, NAME):
            yield f"{good}?{quote(name)}={quote(word)}", body


async def broker_client(service: Besieged, device: str) -> Client:
    user, client = BrokerKey.fresh(USER), Client()
    creds = credentials(service.accounts.issue_device(device, user.public), user)
    await client.connect(
        service.broker.url, user_credentials=RawCredentials(creds), inbox_prefix=inbox_of(device), allow_reconnect=False
    )
    return client


async def caught_up(service: Besieged, http: httpx.AsyncClient) -> str:
    """The roll, once it shows all that the journal holds."""
    import asyncio

    last = (await service.journal.last()).events
    async with asyncio.timeout(60):
        while (await http.get("/v1/recap/9404")).json()["as_of"]["events"] < last:
            await asyncio.sleep(0.05)
    return (await http.get(f"/v1/rolls/{TPS}")).text


async def subjects_of(service: Besieged) -> list[bytes]:
    """Every subject that a stream of the broker has."""
    client = await nats.connect(service.broker.url, user_credentials=str(service.accounts.service_credentials),
                                inbox_prefix=inbox_of("service"))  # fmt: skip
    stream = f"ECOKLIT-{service.election.election}-9404"
    found = [
        (await client.request(f"$JS.API.STREAM.INFO.{one}", b'{"subjects_filter":">"}', timeout=30)).data
        for one in (stream, f"{stream}-persons", f"{stream}-registry")
    ]
    await client.close()
    assert all(b'"subjects":{' in one for one in found)
    return found


async def refused_by_the_database(server: EmbeddedPostgres, schema: str) -> bytes:
    """Have PostgreSQL refuse rows and statements with her in them, and give what it logged."""
    before = server.log.stat().st_size
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(
        f"create table {schema}.canary (nik text primary key, born date, check (nik <> name), name text)"
    )
    statement = f"insert into {schema}.canary values ($1, null, $2)"
    await connection.execute(statement, NIK, NAME)
    for wrong in (
        f"insert into {schema}.canary (nik, name) values ('{NIK}', '{NAME}')",
        f"insert into {schema}.canary (nik, name) values ('{NAME}', '{NAME}')",
        f"insert into {schema}.canary values ('1', '{NAME}'::date)",
        f"select '{NAME}'::int", f"select * from {schema}.\"{NAME}\"", f"do $$ begin raise exception '{NIK}'; end $$",
        f"do $$ begin raise warning '{NIK}'; end $$",
    ):  # fmt: skip
        try:
            await connection.execute(wrong)
        except asyncpg.PostgresError:
            continue
    with pytest.raises(asyncpg.PostgresError):
        await connection.copy_records_to_table("canary", schema_name=schema, records=[(NIK, None, NAME)])
    await connection.execute(f"drop schema {schema} cascade")
    await connection.close()
    return server.log.read_bytes()[before:]


# --- the search itself -----------------------------------------------------------------------------------------------


def test_the_search_finds(tmp_path: Path) -> None:
    """What is said of her in an error, a log, a URL or a file of a server that ends is found; and of anybody whom a
    test held, the number."""
    import structlog

    other = "9404015505050505"
    # What is planted here is printed nowhere: the run as a whole is searched too, whatever logged before.
    before = structlog.get_config()
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    with Recorder() as recorder:
        with contextlib.suppress(EcoklitError):
            wire.hold(b"{}", b'{"nik":"%b"}' % other.encode())
        EcoklitError("bad", f"{NAME} is not on the list")
        structlog.get_logger().info("seen", nik=other)
        (tmp_path / "postgres.log").write_text(f"DETAIL: Key (nik)=({NIK}) already exists.")
        recorder.keep_logs(tmp_path)
        (tmp_path / "postgres.log").unlink()
        recorder.keep("url", "/v1/rolls/9404012001001?at=1700000000000000")
    structlog.configure(**before)
    assert {(leak.what, leak.place) for leak in recorder.found()} == {
        ("Kenari Bersiul", "error"), ("Bersiul Lantang", "error"), (other, "log line"), (NIK, "log postgres.log"),
    }  # fmt: skip


def test_a_run_that_leaks_fails(tmp_path: Path) -> None:
    """A run of pytest in which one test tells her name in an error ends in an error of its own, though all passed."""
    test = tmp_path / "test_leak.py"
    test.write_text(
        "from ecoklit.errors import EcoklitError\n"
        f"def test_tells():\n    EcoklitError('bad', 'no such voter: ' + {NAME!r})\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "ecoklit.testing.hostile.recording", "-p", "no:schemathesis",
         "--rootdir", tmp_path, "-c", "/dev/null", test],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "1 passed, 1 error" in ran.stdout and "something personal" in ran.stdout
