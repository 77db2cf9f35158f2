"""The quick fold of large histories is the plain fold, byte for byte (core/bulk.py, core/columns.py)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoiling import spoil
from strategies import POLICIES, Case, cases, tried
from world import GENE_BYTES, play

from ecoklit.core import bulk, columns, ids, replica, wire
from ecoklit.core.bulk import BulkFold, Entry, Fault
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS, Malformed
from ecoklit.core.wire import Held


@pytest.fixture
def any_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one row is read by columns, so that small histories try them."""
    monkeypatch.setattr(columns, "ROWS_MIN", 1)


def plain(lines: Sequence[bytes]) -> BulkFold:
    """The same result from the plain reader and the plain fold."""
    read: list[tuple[int, Held]] = []
    faults: list[Fault] = []
    for number, line in enumerate(lines, start=1):
        try:
            read.append((number, wire.read(line)))
        except Malformed as error:
            faults.append(Fault(number, "malformed", error.message))
    folded = replica.fold((held for _, held in read), POLICIES)
    for number, held in read:
        standing = folded.standing(held.hash)
        if standing.name not in ("counted", "parked"):
            faults.append(Fault(number, standing.name, standing.why))
        elif held.person_fault is not None:
            faults.append(Fault(number, "bad_person", held.person_fault))
    entries = [
        Entry(*key, state.decision.tps, state.decision_bytes, state.line)
        for key, state in zip(folded.keys(), folded.states(), strict=True)
    ]
    elections = sorted({held.event.election for _, held in read if held.event is not None})
    return BulkFold(entries, sorted(faults, key=lambda fault: fault.number), folded.parked_count(), elections)


@pytest.mark.usefixtures("any_rows")
def test_it_equals_the_plain_fold() -> None:
    """States, faults with their numbers and reasons, and parked events are the same, also with liars and forks."""

    @tried(300)
    @given(case=cases())
    def holds(case: Case) -> None:
        lines = list(case.history.lines)
        case.rng.shuffle(lines)
        assert bulk.fold_lines(lines, POLICIES) == plain(lines)

    holds()


@pytest.mark.usefixtures("any_rows")
def test_no_spoilt_line_gets_through() -> None:
    """A line with a value, key or byte changed is judged as the plain reader judges it."""

    @tried(300)
    @given(seed=st.integers(0, 2**32 - 1))
    def holds(seed: int) -> None:
        rng = Random(seed)
        lines = list(play([rng.randbytes(GENE_BYTES) for _ in range(12)]).whole)
        lines += [spoil(rng.choice(lines), rng) for _ in range(12)]
        rng.shuffle(lines)
        assert bulk.fold_lines(lines, POLICIES) == plain(lines)

    holds()


def flips(line: bytes, rng: Random) -> Iterator[bytes]:
    """The line with one byte changed, at every place."""
    for place in range(len(line)):
        other = rng.choice(b'azAZ019-_":,{}[] \\\x00\x7f\xc3')
        yield line[:place] + bytes([other]) + line[place + 1 :]


@pytest.mark.usefixtures("any_rows")
@pytest.mark.parametrize("seed", range(4))
def test_every_byte_is_looked_at(seed: int) -> None:
    """One byte changed at any place of any line of an honest history: the same states and faults as plainly."""
    rng = Random(seed)
    lines = list(play([rng.randbytes(GENE_BYTES) for _ in range(24)]).whole)
    flipped: list[bytes] = [flip for line in lines for flip in rng.sample(list(flips(line, rng)), 40)]
    assert bulk.fold_lines([*lines, *flipped], POLICIES) == plain([*lines, *flipped])


def test_columns_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a plain history of many voters each is settled by columns: the short way is the one that is tried."""
    read: list[bytes] = []
    plainly = wire.read

    def counting(line: bytes) -> Held:
        read.append(line)
        return plainly(line)

    monkeypatch.setattr(bulk.wire, "read", counting)
    lines = [held.line for held in visited_voters(200)]
    assert len(bulk.fold_lines(lines, POLICIES).entries) == 200
    # Only layouts of few rows are left to the plain reader, of a single length of seq.
    assert len(read) < len(lines) / 10
    monkeypatch.setattr(bulk.wire, "read", plainly)
    assert bulk.fold_lines(lines, POLICIES) == plain(lines)


def visited_voters(count: int) -> Iterator[Held]:
    """Listed voters whose names are plain ASCII, and each found, moved or changed."""
    rng = Random(7)
    office = DeviceLog("pilkada-2024", "a" * 16, officer="o-kpu", role="kpu", policy="2024-1")
    phone = DeviceLog("pilkada-2024", "b" * 16, officer="o-1", role="pantarlih", policy="2024-1")
    at, tps = "2024-06-25T09:00:00+09:00", "9404012001001"
    for number in range(count):
        record: dict[str, str | None] = dict.fromkeys(RECORD_FIELDS, None) | {"name": f"ORANG {number:03d}"}
        salt = ids.to_base64url(rng.randbytes(16))
        born = office.append("listed", tps=tps, at=at, source="dp4", person={"record": record, "salt": salt})
        yield born
        told: dict[str, Any] = {"tps": tps, "at": at, "voter": born.voter, "seen": [born]}
        if number % 3 == 0:
            yield phone.append("found", how="in_person", **told)
        elif number % 3 == 1:
            yield phone.append("moved", to="9404012001002", **told)
        else:
            yield phone.append("found", how="family", person={"changes": {"rt": "007"}, "salt": salt}, **told)
