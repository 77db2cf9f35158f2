"""The verdict of chaos can be bad: every kind of damage is counted, and a table with one in it does not hold."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from ecoklit.core.ids import sha256, to_base64url
from ecoklit.ports import EventMessage
from ecoklit.testing.chaos import __main__ as program
from ecoklit.testing.chaos import full, links, order, power
from ecoklit.testing.chaos.load import Noted, Witness, read_witness
from ecoklit.testing.chaos.options import CannotRun, Options
from ecoklit.testing.chaos.table import control, judged, show, write
from ecoklit.testing.chaos.verdict import Audit
from ecoklit.testing.memory_journal import MemoryJournal

DEVICE = "aaaaaaaaaaaaaaaa"


def event(seq: int, word: str = "") -> bytes:
    return json.dumps({"device": DEVICE, "seq": seq, "word": word}).encode()


def hash_of(payload: bytes) -> str:
    return to_base64url(sha256(payload))


class Broker(MemoryJournal):
    """A journal that holds these payloads, whatever they are."""

    def __init__(self, *payloads: bytes) -> None:
        super().__init__()
        self.messages = [EventMessage(nth, DEVICE, payload) for nth, payload in enumerate(payloads, start=1)]

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        return self.messages[after : after + limit]


def noted(acked: dict[int, str], *troubles: str) -> dict[str, Noted]:
    return {DEVICE: Noted({}, acked, [*troubles], False, None, 0)}


async def looked(audit: Audit, journal: Broker, acked: dict[int, str]) -> tuple[int, int, int]:
    await audit._read_on(journal)
    return audit._seen(noted(acked)).counts


async def test_what_is_held_is_not_lost() -> None:
    """Acknowledged up to two, two held: nothing is lost, nothing doubled."""
    assert await looked(Audit(), Broker(event(1), event(2)), {2: hash_of(event(2))}) == (2, 0, 0)


async def test_a_tail_that_is_gone_is_lost() -> None:
    """Acknowledged up to three, one held: two are lost."""
    assert await looked(Audit(), Broker(event(1)), {1: hash_of(event(1)), 3: hash_of(event(3))}) == (3, 2, 0)


async def test_another_event_in_its_place_is_a_loss() -> None:
    """What stands under a receipted seq is not what was receipted."""
    assert await looked(Audit(), Broker(event(1, "other")), {1: hash_of(event(1))}) == (1, 1, 0)


async def test_an_event_that_stands_twice_is_doubled() -> None:
    """The same dot at two places of the journal."""
    assert await looked(Audit(), Broker(event(1), event(1)), {}) == (0, 0, 1)


async def test_a_journal_that_changed_behind_us_is_read_anew() -> None:
    """A broker that lost its tail and took others there: what was counted as held before is not any more."""
    audit = Audit()
    acked = {2: hash_of(event(2))}
    assert await looked(audit, Broker(event(1), event(2)), acked) == (2, 0, 0)
    await audit._read_on(Broker(event(1)))
    seen = audit._seen(noted(acked))
    assert seen.lost == 1
    assert any("no longer holds" in one for one in seen.against)


async def test_a_phone_in_trouble_speaks_against() -> None:
    """What no fault of ours explains is shown."""
    assert Audit()._seen(noted({}, "stuck: why")).against == [f"{DEVICE}: stuck: why"]


def test_a_witness_outlives_its_writer(tmp_path: Path) -> None:
    """What was told is read again; a line that a kill cut off is not."""
    witness = Witness(tmp_path / "one")
    witness.tell(saved=1, hash="h")
    witness.acked(1, "h")
    witness.tell(away=True)
    witness.tell(trouble="stuck", why="why")
    witness.close()
    with (tmp_path / "one").open("ab") as file:
        file.write(b'{"saved": 2, "ha')
    assert read_witness(tmp_path / "one") == Noted({1: "h"}, {1: "h"}, ["stuck: why"], False, None, 1)


# --- the table -------------------------------------------------------------------------------------------------------

FAULTS = {"kill": 3}


@pytest.mark.parametrize(
    "row",
    [
        judged("p", 1, FAULTS, (5, 1, 0)),
        judged("p", 1, FAULTS, (5, 0, 1)),
        judged("p", 1, FAULTS, (0, 0, 0)),
        judged("p", 1, {"kill": 0}, (5, 0, 0)),
        judged("p", 1, {}, (5, 0, 0)),
        judged("p", 1, FAULTS, (5, 0, 0), digests="DIFFER"),
        judged("p", 1, FAULTS, (5, 0, 0), against=["a reason"]),
        control("p", 1, FAULTS, 5, 0),
    ],
)
def test_a_row_that_does_not_hold(row: object) -> None:
    """Lost, doubled, nothing acknowledged, no fault, another digest, a reason; a control that lost nothing."""
    assert not row.holds  # type: ignore[attr-defined]


def test_a_row_that_holds() -> None:
    """Nothing lost or doubled and one digest; a control that lost."""
    assert judged("p", 1, FAULTS, (5, 0, 0), digests="equal").holds
    assert control("p", 1, FAULTS, 5, 5).holds


def test_the_table_is_written_as_json_lines(tmp_path: Path) -> None:
    """Every row is one object, with the table's own columns; people see the same."""
    rows = [judged("kill -9", 2, FAULTS, (1500, 0, 0), digests="equal"), control("control", 1, FAULTS, 9, 9)]
    write(tmp_path / "out" / "chaos.json", rows)
    read = [json.loads(line) for line in (tmp_path / "out" / "chaos.json").read_text().splitlines()]
    found = [(one["part"], one["acknowledged"], one["holds"]) for one in read]
    assert found == [("kill -9", 1500, True), ("control", 9, True)]
    shown = io.StringIO()
    show(rows, Console(file=shown))
    assert "kill -9" in shown.getvalue() and "1,500" in shown.getvalue() and "3 kill" in shown.getvalue()


def test_a_part_that_cannot_run_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is shown with its reason, and the program ends with 1."""

    def cannot(options: object) -> list[object]:
        raise CannotRun("there is no strace here.")

    monkeypatch.setattr(order, "run", cannot)
    assert program.main(["--only", "order", "--out", str(tmp_path / "chaos.json")]) == 1
    (row,) = (json.loads(line) for line in (tmp_path / "chaos.json").read_text().splitlines())
    assert row["verdict"] == "not run: there is no strace here."


@pytest.mark.parametrize("part", [full, links, power])
def test_without_root_a_part_says_what_it_needs(part: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disks and links of one's own are made by root; anybody else is told, before anything is started."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(CannotRun, match=r"needs root\.$"):
        part.run(Options(quick=True))  # type: ignore[attr-defined]


# --- what strace wrote -----------------------------------------------------------------------------------------------

BLOCK = "/data/nats/store/jetstream/$G/streams/ECOKLIT-x-9404/msgs/1.blk"
WRITTEN = f'7 09:00:00.1 write(9<{BLOCK}>, "...", 300) = 300'
SYNCED = f"7 09:00:00.2 fsync(9<{BLOCK}>) = 0"
BEGUN = f"7 09:00:00.2 fsync(9<{BLOCK}> <unfinished ...>"
ENDED = "7 09:00:00.4 <... fsync resumed>) = 0"
SAID = r'"MSG _INBOX.a 1 60\r\n{\"stream\":\"ECOKLIT-x-9404\",\"seq\":1}\r\n"'
ACKED = f"8 09:00:00.3 write(5<TCP:[1]>, {SAID}, 90) = 90"


@pytest.mark.parametrize(
    ("lines", "early"),
    [
        ([WRITTEN, SYNCED, ACKED], [False]),
        ([WRITTEN, ACKED, SYNCED], [True]),
        ([WRITTEN, BEGUN, ACKED, ENDED], [True]),
        ([WRITTEN, BEGUN, ENDED, ACKED], [False]),
        ([WRITTEN, BEGUN, WRITTEN, ENDED, ACKED], [True]),
        ([WRITTEN, SYNCED, WRITTEN, SYNCED, ACKED, ACKED], [False, False]),
        ([WRITTEN.replace("9404", "9404-persons"), ACKED], [False]),
    ],
)
def test_the_order_of_fsync_and_answer(lines: list[str], early: list[bool]) -> None:
    """Early is what was told before the fsync of all that was written before had ended, of that stream."""
    told = order.told_early(lines, order._block, order._acked)
    assert [one.is_early for one in told] == early
