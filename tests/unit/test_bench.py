"""The benches: what their figures are made from, and how they are shown (bench/)."""

from __future__ import annotations

import asyncio
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ecoklit import contract
from ecoklit.core import canonical, wire
from ecoklit.core.admission import demand_head, read_push
from ecoklit.core.bulk import fold_lines
from ecoklit.core.entitlement import fault_of
from ecoklit.core.registry import fold_registry
from ecoklit.testing.made_up_registry import MadeUpElection

BENCH = Path(__file__).parents[2] / "bench"
ROW = {"name": "a", "value": 1, "unit": "s", "against": None, "ratio": None, "goal": ">= 2 s", "met": False}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The bench module of a name, as its scripts see it."""
    monkeypatch.syspath_prepend(str(BENCH))

    def module(name: str) -> ModuleType:
        return importlib.import_module(name)

    return module


def parts(bench: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> tuple[ModuleType, list[str]]:
    """bench/main.py with these parts in place of the real ones, and the words that keep its output here."""
    main = bench("main")
    for name, text in scripts.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(main, "HERE", folder)
    monkeypatch.setattr(main, "PARTS", tuple(scripts))
    return main, ["--out", str(folder / "out" / "main.json")]


def test_a_goal_that_is_not_met_is_shown_and_no_failure(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows are written one JSON object a line, and exit is 0 although a goal was missed."""
    main, words = parts(bench, tmp_path, monkeypatch, slow=f"print({json.dumps(json.dumps(ROW))})")
    assert main.main(words) == 0
    assert [json.loads(line) for line in (tmp_path / "out" / "main.json").read_text().splitlines()] == [ROW]
    assert "NO" in capsys.readouterr().out


@pytest.mark.parametrize(
    "script", ["raise SystemExit('the broker is down')", "print('{}')", "print('hello')", "pass"], ids=str
)
def test_a_failing_part_is_said_and_the_others_still_run(
    bench: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
) -> None:
    """Exit is 1, the failing part is named, and the rows of the next one are written."""
    good = f"print({json.dumps(json.dumps(ROW))})"
    main, words = parts(bench, tmp_path, monkeypatch, broken=script, good=good)
    assert main.main(words) == 1
    assert "broken failed:" in capsys.readouterr().out
    assert (tmp_path / "out" / "main.json").read_text().count("\n") == 1


def test_only_the_named_parts_run(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--only leaves the others alone, and --quick is passed on."""
    good = f"import sys; assert '--quick' in sys.argv; print({json.dumps(json.dumps(ROW))})"
    main, words = parts(bench, tmp_path, monkeypatch, other="raise SystemExit(1)", good=good)
    assert main.main([*words, "--only", "good", "--quick"]) == 0


def test_every_part_has_its_script(bench: Any) -> None:
    """`make bench`, `make bench-sync` and `make bench-audit` name no part that is not there."""
    for name in (*bench("main").PARTS, *bench("sync").PARTS, *bench("audit").PARTS):
        assert (BENCH / f"{name}.py").is_file(), name


def test_the_history_is_one_listed_and_one_or_two_visits_a_voter(bench: Any) -> None:
    """Every event counts, every voter has a state, and the same seed gives the same bytes."""
    history = bench("visits").history
    events = history(300)
    assert [held.line for held in events] == [held.line for held in history(300)]
    folded = fold_lines([held.line for held in events], contract.policies())
    assert (len(folded.entries), folded.faults, folded.parked_count) == (300, [], 0)
    by_voter: dict[str, list[str]] = {}
    for held in events:
        by_voter.setdefault(held.voter, []).append(held.event.kind)
    assert all(kinds[0] == "listed" and len(kinds) in (2, 3) for kinds in by_voter.values())
    assert {kind for kinds in by_voter.values() for kind in kinds} == {
        "listed", "found", "not_met", "moved", "deceased"
    }  # fmt: skip


def test_the_libraries_come_to_the_same_list(bench: Any) -> None:
    """Each way that the fold is held against gives each voter the verdict and tps that the fold gives it."""
    pytest.importorskip("pycrdt", reason="the libraries to compare with come with `make bench`")
    pytest.importorskip("loro", reason="the libraries to compare with come with `make bench`")
    fold, maps = bench("fold"), bench("maps")
    events = bench("visits").history(120)
    expected = fold.fold([held.line for held in events])
    assert len(expected) == 120
    for way in maps.WAYS:
        if not way.is_slow:
            merged = way.merge(fold._updates(way, events))
            assert [fold.others(read(merged), expected) for read in way.reads.values()] == [[]] * len(way.reads)


# --- the sync benches -------------------------------------------------------------------------------------------------


def test_what_the_phones_push_is_signed_entitled_and_counts(bench: Any) -> None:
    """The office and every device of a made-up world have the rights that they use, and the same seed gives the same
    bytes."""
    sync_world = bench("sync_world")
    world = sync_world.make(3, 40)
    assert sync_world.make(3, 40).devices == world.devices
    election = MadeUpElection(sync_world.ELECTION, sync_world.REGENCY, sync_world.SEED)
    world.enrol(election)
    registry = fold_registry(election.election, election.regency, enumerate(election.registry, start=1))
    assert registry.voids == ()
    events = [held for log in (world.office, *world.devices) for held in log.held]
    assert [held.seq for held in events if fault_of(registry, held, registry.position)] == []
    folded = fold_lines([held.line for held in events], contract.policies())
    assert (len(folded.entries), folded.faults, folded.parked_count) == (120, [], 0)
    for log in (world.office, *world.devices):
        for body in log.pushes(20):
            push = read_push(body, election.election)
            demand_head(push, registry.device_key(push.device), election.election)


def test_worlds_share_no_event(bench: Any) -> None:
    """Each world of a run has devices and voters of its own."""
    make = bench("sync_world").make
    one, other = make(2, 10, 0), make(2, 10, 17)  # there are places enough for any number of worlds
    assert not {held.voter for held in one.office.held} & {held.voter for held in other.office.held}
    assert not {log.device for log in one.devices} & {log.device for log in other.devices}


@pytest.mark.parametrize(
    ("answer", "length"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 40),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nok", 51),
        (b"HTTP/1.1 200 OK\r\ncontent-len", None),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", None),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 64),
        (b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1", 27),
    ],
)
def test_the_load_knows_where_an_answer_ends(bench: Any, answer: bytes, length: int | None) -> None:
    """By its length, by its last chunk, or by its head where it has no body; not before that is there."""
    assert bench("sync_load").answer_length(answer) == length


async def test_a_phone_that_is_told_to_wait_sends_again(bench: Any) -> None:
    """Every request is answered once, in its order, and its wait counts from when it was due."""
    sync_load = bench("sync_load")
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(100):
            asked.append(request)
            busy = asked.count(request) == 1
            status = b"503 Busy\r\nRetry-After: 0" if busy else b"200 OK"
            body = b"" if busy else b'{"position":{"ECOKLIT-pilkada-2024-9404":%d}}' % len(asked)
            writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        told = await sync_load.Load(sync_load.Plan("127.0.0.1", port, [[b"one", b"two"]])).run()
    assert asked == [b"one", b"one", b"two", b"two"]
    assert told.statuses == {"503": 2, "200": 2}
    assert told.positions == [2, 4]
    assert told.due[0] <= told.answered[0] <= told.due[1] <= told.answered[1]


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_a_frame_ends_where_it_was_written_to(bench: Any, length: int) -> None:
    """A WebSocket's frame of any length is read as a whole, however little of it came first, and no byte further."""
    load = bench("sync_load_nats")
    sent = load.frame(load.BINARY, b"x" * length)
    place = len(sent) - length - 4
    assert sent[place : place + 4] == bytes(4)  # the mask, which a server's frames do not have
    told = bytes([sent[0], sent[1] & 0x7F]) + sent[2:place] + sent[place + 4 :]
    for short in {0, 1, 2, len(told) - 1} - {len(told)}:
        assert load.first_frame(told[:short]) is None
    assert load.first_frame(told + b"more") == (load.BINARY, b"x" * length, len(told))


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.99, 4), (1.0, 4), (0.25, 1), (0.01, 1)])
def test_a_percentile_is_a_value_that_was_measured(bench: Any, share: float, value: int) -> None:
    """The smallest that the share of all does not exceed."""
    assert bench("sync_servers").percentile([4, 1, 3, 2], share) == value


def test_pouchdb_is_given_the_same_events(bench: Any) -> None:
    """A document is the event and its person, under the event's name."""
    held = bench("sync_world").make(1, 3).office.held[1]
    document = bench("sync_push").document(held)
    assert document["_id"] == f"{held.device}:0000002"
    assert wire.write(canonical.encode(document["event"]), canonical.encode(document["person"])) == held.line


def test_the_office_bench_has_a_million_voters_of_other_polling_places(bench: Any) -> None:
    """No code twice, none that the phones of the same bench visit, and rows as the projector writes them."""
    world, mimika = bench("office_world"), importlib.import_module("ecoklit.testing.mimika")
    places = [code for code, _ in world.places()]
    assert len(set(places)) == len(places)
    assert not {*places} & {*mimika.tps_codes()}
    codes = world.codes(1_000_000)
    assert codes == places[: len(codes)] and len(codes) < len(places)
    row = next(world._rows())
    decision = canonical.decode(row.decision)
    assert (decision["voter"], decision["tps"], decision["verdict"]) == (row.voter, row.tps, row.verdict)
    assert canonical.decode(row.record.encode())["fields"]["name"]
