"""Who comes in at the broker, for how long, and what a bound of the broker's account does to a read."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import nats
import nats.errors
import pytest
import pytest_asyncio
from nats.aio.client import Client, RawCredentials

from ecoklit.adapters import nats_accounts
from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.jetstream_shredder import JetStreamShredder
from ecoklit.adapters.nats_accounts import ERASER, BrokerAccounts
from ecoklit.adapters.nats_credentials import USER, BrokerKey, credentials
from ecoklit.cli.exits import Exit
from ecoklit.cli.main import main
from ecoklit.core.broker_names import inbox_of
from ecoklit.errors import EcoklitError
from ecoklit.ports import Push
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.opaque_log import OpaqueLog

REGENCY = "9404"
DEVICE = made_up_device(1, "anna")
DAY = 86_400
WAIT = 10.0


class Clock:
    """A clock that the test sets, in seconds since 1970."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def broker(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> AsyncIterator[tuple[EmbeddedNats, Any]]:
    """A broker with accounts, and the accounts, whose clock the test sets."""
    folder = tmp_path_factory.mktemp("broker")
    accounts = BrokerAccounts(folder / "nats" / "keys", clock)
    async with await EmbeddedNats.start(folder / "nats", accounts=accounts) as server:
        yield server, accounts


@pytest.fixture
def election() -> str:
    return f"access-{uuid.uuid4().hex[:12]}"


async def connected(server: EmbeddedNats, user: str, creds: str | Path) -> tuple[Client, asyncio.Event]:
    """A client, and when it was cut."""
    cut = asyncio.Event()

    async def on_cut() -> None:
        cut.set()

    async def ignore(_: Exception) -> None:
        pass

    client = Client()
    async with asyncio.timeout(WAIT):
        await client.connect(
            server.url,
            user_credentials=RawCredentials(creds) if isinstance(creds, str) else str(creds),
            inbox_prefix=inbox_of(user), disconnected_cb=on_cut, error_cb=ignore, allow_reconnect=False,
        )  # fmt: skip
    return client, cut


# --- how long --------------------------------------------------------------------------------------------------------


async def test_a_reader_is_cut_when_its_days_are_over(
    broker: tuple[EmbeddedNats, BrokerAccounts], clock: Clock, election: str
) -> None:
    """A reader whose last day ends is cut by the broker while it reads, and does not come in again."""
    server, accounts = broker
    user = BrokerKey.fresh(USER)
    for left in (3, 10, 30):  # as many seconds as it takes this machine to connect
        clock.now = time.time() - DAY + left
        creds = credentials(accounts.issue_reader("saksi", user.public, election, REGENCY, days=1), user)
        try:
            reader, cut = await connected(server, "reader-saksi", creds)
            break
        except nats.errors.Error:
            continue
    await asyncio.wait_for(cut.wait(), 40)
    assert time.time() >= clock.now + DAY - 1
    while time.time() < clock.now + DAY + 1:  # claims end on a whole second, and the broker cuts at its beginning
        await asyncio.sleep(0.1)
    with pytest.raises(nats.errors.Error, match=r"Expired|Authorization Violation"):
        await connected(server, "reader-saksi", creds)
    await reader.close()


async def test_devices_and_the_service_are_let_in_for_good(
    broker: tuple[EmbeddedNats, BrokerAccounts], clock: Clock
) -> None:
    """What was issued ten years ago by the broker's clock still lets a device and the service in."""
    server, accounts = broker
    user = BrokerKey.fresh(USER)
    clock.now = time.time() - 3653 * DAY
    old = BrokerAccounts(server.folder / "keys", clock)
    device, _ = await connected(server, DEVICE, credentials(accounts.issue_device(DEVICE, user.public), user))
    service, _ = await connected(server, "service", old.service_credentials)
    assert device.is_connected and service.is_connected
    await device.close()
    await service.close()


def in_files(folder: Path, text: bytes) -> bool:
    return any(text in path.read_bytes() for path in folder.rglob("*.blk"))


async def test_an_eraser_deletes_persons_and_nothing_else(
    broker: tuple[EmbeddedNats, BrokerAccounts], clock: Clock
) -> None:
    """Its credentials shred every copy of a person, also twice, and are good for no other stream and no other word; the
    service's own are not let delete."""
    server, accounts = broker
    clock.now = time.time()
    election = f"e-{uuid.uuid4().hex[:8]}"
    journal = await JetStreamJournal.open(
        server.url, election=election, regency=REGENCY, monitor_url=server.monitor_url,
        credentials=accounts.service_credentials,
    )  # fmt: skip
    async with journal:
        await journal.append([OpaqueLog(DEVICE).push(3, 0, persons=True)])
        await journal.append([Push(DEVICE, 3, (), ((2, b"left by a refused push"),))])
        shredder = JetStreamShredder(
            server.url, election, REGENCY, lambda: accounts.eraser_credentials(election, REGENCY)
        )
        found = await journal.persons_at([(DEVICE, 2), (DEVICE, 99)])
        assert len(found) == 2
        assert in_files(server.folder, b"left by a refused push")
        await shredder.shred(found)
        await shredder.shred(found)
        assert not in_files(server.folder, b"left by a refused push") and not in_files(server.folder, b'{"salt":"2"}')
        assert [one.seq for one in await journal.read_persons(0, 10)] == [1, 3]
        assert await journal.persons_at([(DEVICE, 2)]) == []
        client, _ = await connected(server, ERASER, accounts.eraser_credentials(election, REGENCY))
        for subject in (f"$JS.API.STREAM.MSG.DELETE.ECOKLIT-{election}-{REGENCY}", "$JS.API.STREAM.NAMES"):
            with pytest.raises(nats.errors.Error):
                await client.request(subject, b'{"seq":1}', timeout=0.5)
        await client.close()
        own = accounts.service_credentials.read_text()
        with pytest.raises(EcoklitError, match="ECOKLIT_NATS_KEYS"):
            await JetStreamShredder(server.url, election, REGENCY, lambda: own).shred([1])
        assert [one.seq for one in await journal.read_persons(0, 10)] == [1, 3]


# --- ecoklit reader --------------------------------------------------------------------------------------------------


async def test_a_reader_by_the_command_reads_the_record_and_no_persons(
    broker: tuple[EmbeddedNats, BrokerAccounts],
    election: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`ecoklit reader` beside a running broker writes a file, for its owner alone, by which events and registry are
    read, and persons are not."""
    server, accounts = broker
    monkeypatch.setenv("ECOKLIT_DATA", str(server.folder.parent))
    monkeypatch.setenv("ECOKLIT_ELECTION", election)
    async with await journal_of(server, accounts, election) as journal:
        await journal.append([OpaqueLog(DEVICE).push(1, 0)])
        file = tmp_path / "saksi.creds"
        assert (
            await asyncio.to_thread(main, ["reader", "saksi", "--out", str(file), "--days", "2", "--json"]) == Exit.OK
        )
        told = msgspec.json.decode(capsys.readouterr().out)
        assert (told["user"], told["inbox"], told["out"]) == ("reader-saksi", "_INBOX_reader-saksi", str(file))
        assert file.stat().st_mode & 0o777 == 0o600
        reader, _ = await connected(server, told["user"], file)
        stream = f"ECOKLIT-{election}-{REGENCY}"
        assert told["streams"] == [stream, f"{stream}-registry"]
        first = await reader.request(f"$JS.API.DIRECT.GET.{stream}", b'{"seq":1}', timeout=WAIT)
        (held,) = await journal.read_events(0, 1)
        assert first.data == held.payload
        with pytest.raises(nats.errors.TimeoutError):
            await reader.request(f"$JS.API.DIRECT.GET.{stream}-persons", b'{"seq":1}', timeout=0.5)
        await reader.close()


async def test_an_auditors_own_key_stays_with_the_auditor(
    broker: tuple[EmbeddedNats, BrokerAccounts],
    election: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of an auditor who gives the public half the file holds no seed; with the seed after it, it lets in."""
    server, _ = broker
    monkeypatch.setenv("ECOKLIT_NATS_KEYS", str(server.folder / "keys"))
    monkeypatch.setenv("ECOKLIT_DATA", str(tmp_path / "none"))
    user, file = BrokerKey.fresh(USER), tmp_path / "saksi.creds"
    assert main(["reader", "saksi", user.public, "--out", str(file)]) == Exit.OK
    assert "SEED" not in file.read_text()
    assert "the auditor adds the secret key" in capsys.readouterr().out
    with file.open("a") as more:
        more.write(f"\n-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")
    reader, _ = await connected(server, "reader-saksi", file)
    assert reader.is_connected
    await reader.close()


@pytest.mark.parametrize(
    ("argv", "code", "name"),
    [
        (["Saksi", "--out", "f"], Exit.USAGE, "no word"),
        (["saksi", "UABC", "--out", "f"], Exit.USAGE, "bad_nkey"),
        (["saksi", BrokerKey.fresh(USER).seed, "--out", "f"], Exit.USAGE, "bad_nkey"),
        (["saksi", "--out", "f", "--days", "0"], Exit.USAGE, "bad_days"),
        (["saksi", "--out", "f", "--days", "367"], Exit.USAGE, "bad_days"),
        (["saksi", "--out", "taken"], Exit.USAGE, "bad_argument"),
        (["saksi", "--out", "nowhere/f"], Exit.UNFIT, "nowhere"),
        (["saksi"], Exit.USAGE, "--out"),
    ],
)
def test_a_wrong_reader_is_one_sentence_and_no_file(
    argv: list[str],
    code: Exit,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A name, key, time or file that cannot be is named, no seed is repeated, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    BrokerAccounts(tmp_path / ".ecoklit" / "nats" / "keys")
    (tmp_path / "taken").write_text("kept")
    assert main(["reader", *argv]) == code
    said = capsys.readouterr().err
    assert name in said and said.count("\n") == 1 and "SU" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == [".ecoklit", "taken"]
    assert (tmp_path / "taken").read_text() == "kept"


def test_where_no_broker_is_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder without a broker's keys the command says where they are, and makes none."""
    monkeypatch.chdir(tmp_path)
    assert main(["reader", "saksi", "--out", "f"]) == Exit.UNFIT
    assert capsys.readouterr().err.startswith("ecoklit: no_broker_keys: ")
    assert list(tmp_path.iterdir()) == []


# --- a bound on consumers --------------------------------------------------------------------------------------------


async def journal_of(server: EmbeddedNats, accounts: BrokerAccounts, election: str) -> JetStreamJournal:
    return await JetStreamJournal.open(
        server.url, election=election, regency=REGENCY, monitor_url=server.monitor_url,
        credentials=accounts.service_credentials,
    )  # fmt: skip


@pytest.mark.parametrize(("consumer", "others", "at_once"), [(0, 1, 1000), (1, 0, 1000), (1, 1, 250)])
async def test_a_long_read_is_whole_however_few_consumers_there_may_be(
    tmp_path: Path, election: str, monkeypatch: pytest.MonkeyPatch, consumer: int, others: int, at_once: int
) -> None:
    """An account without a consumer to spare is read directly, in shorter parts, and no event is missed. A bound of 0
    is none to nats-server: it never reaches it."""
    monkeypatch.setitem(nats_accounts._STREAMS, "consumer", consumer)
    accounts = BrokerAccounts(tmp_path / "keys")
    async with (
        await EmbeddedNats.start(tmp_path, accounts=accounts) as server,
        await journal_of(server, accounts, election) as journal,
    ):
        await journal.append([OpaqueLog(DEVICE).push(1000, 0)])
        other, _ = await connected(server, "service", accounts.service_credentials)
        for _ in range(others):
            await take_a_consumer(other, f"ECOKLIT-{election}-{REGENCY}")
        first = await journal.read_events(0, 1000)
        assert len(first) == at_once
        read = list(first)
        while more := await journal.read_events(read[-1].sequence, 1000):
            read += more
        assert [one.sequence for one in read] == list(range(1, 1001))
        await other.close()


async def take_a_consumer(client: Client, stream: str) -> None:
    config = {"ack_policy": "none", "inactive_threshold": 60_000_000_000, "mem_storage": True}
    request = msgspec.json.encode({"stream_name": stream, "config": config})
    answer = await client.request(f"$JS.API.CONSUMER.CREATE.{stream}", request, timeout=WAIT)
    assert "error" not in msgspec.json.decode(answer.data)
