"""A log as pushes: within every bound, each with its head, and with the receipts of what was admitted before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core import ids
from ecoklit.core.admission import read_push
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.limits import PUSH_BYTES_MAX, PUSH_EVENTS_MAX
from ecoklit.core.receipt import Receipt, SignedReceipt, sign_receipt
from ecoklit.core.wire import Held
from ecoklit.field.parts import Part, parts
from ecoklit.testing.made_up_keys import made_up_key

ELECTION = "pilkada-2024"
KEY, SERVICE = made_up_key(1, "phone"), made_up_key(1, "service")
TPS = "9404012001001"


def log_of(count: int, *, note: str = "") -> list[Held]:
    log = DeviceLog(ELECTION, KEY.device, officer="p-1", role="pantarlih", policy="2024-1")
    voter = "74100b01-af6e-88bf-ae05-5d4a729b6c2e"
    person = {"salt": ids.to_base64url(bytes(16)), "note": note} if note else None
    at = "2024-06-25T09:00:00+09:00"
    return [
        log.append("not_met", tps=TPS, at=at, voter=voter, why="absent", nth=1, person=person) for _ in range(count)
    ]


LOG = log_of(40)


def receipt_at(seq: int) -> SignedReceipt:
    receipt = Receipt(
        device=KEY.device, election=ELECTION, epoch=1, head=ids.to_base64url(LOG[seq - 1].hash), position={},
        regency="9404", registry=seq, seq=seq, standings=[],
    )  # fmt: skip
    return sign_receipt(SERVICE, receipt)


def read(made: Sequence[Part]) -> list[Held]:
    """The events of the pushes, each of which a service would take."""
    held: list[Held] = []
    for part in made:
        push = read_push(part.body, ELECTION)
        assert (push.first, push.last) == (part.first, part.last)
        assert push.head is not None and push.head.signed_by(KEY.public, ELECTION)
        assert push.head.hash == ids.to_base64url(push.held[-1].hash)
        held.extend(push.held)
    return held


@given(
    first=st.integers(0, 39),
    seqs=st.sets(st.integers(1, 40)),
    events_max=st.integers(1, 50),
)
def test_the_parts_are_the_log_and_never_reach_over_a_receipt(first: int, seqs: set[int], events_max: int) -> None:
    """Whatever receipts there are, the parts bring the log in order, each once; a proof reaches all that it is with."""
    held = LOG[first:]
    made = list(parts(KEY, ELECTION, held, receipts=[receipt_at(seq) for seq in seqs], events_max=events_max))
    assert read(made) == held
    for part in made:
        assert part.last - part.first < events_max
        push = read_push(part.body, ELECTION)
        due = min((seq for seq in seqs if seq >= part.first), default=None)
        assert (None if push.receipt is None else push.receipt.receipt.seq) == due
        assert due is None or part.last <= due


def test_no_part_is_over_its_bounds() -> None:
    """A thousand events and one are two pushes; long notes are cut by bytes before they are cut by number."""
    many = list(parts(KEY, ELECTION, log_of(PUSH_EVENTS_MAX + 1)))
    assert [part.last - part.first + 1 for part in many] == [PUSH_EVENTS_MAX, 1]
    long = log_of(100, note="x" * 15_000)
    cut = list(parts(KEY, ELECTION, long, receipts=[]))
    assert read(cut) == long
    assert len(cut) == 2
    assert all(len(part.body) <= PUSH_BYTES_MAX for part in cut)


@pytest.mark.parametrize("count", [0, 3])
def test_registry_lines_go_ahead_of_the_first_part_or_by_themselves(count: int) -> None:
    """An enrolment rides on the first push; without an event it is a push of its own."""
    line = b'{"registry":{},"signature":""}'
    made = list(parts(KEY, ELECTION, LOG[:count], registry=[line], events_max=1))
    assert [part.body.startswith(line) for part in made] == [True, *[False] * (max(count, 1) - 1)]
    assert made[0].last == min(count, 1)
    assert list(parts(KEY, ELECTION, [])) == []
