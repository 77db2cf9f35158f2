"""Faults of the signed door, each as it was found."""

from __future__ import annotations

import pytest

from ecoklit.core import ids
from ecoklit.core.admission import Refused
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.receipt import read_receipt
from ecoklit.core.wire import Held
from ecoklit.services.group_commit import GroupCommit
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

ELECTION, TPS, AT = "test-2024", "9404012001001", "2024-06-25T09:00:00+09:00"


def births(count: int, name: str, election: str = ELECTION) -> list[Held]:
    log = DeviceLog(election, made_up_device(1, "k"), officer="o-1", role="kpu", policy="2024-1")
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": name}}
    return [log.append("listed", tps=TPS, at=AT, source="dp4", person=person) for _ in range(count)]


async def test_a_carrier_cannot_call_a_phone_a_clone() -> None:
    """An event put before a genuine head, whose chain it breaks, was taken for the proof of a cloned key."""
    made_up, journal, registry = MadeUpElection(ELECTION), MemoryJournal(), MemoryRegistryJournal()
    made_up.device("k", officer="o-1")
    commits = GroupCommit(journal)
    door = await made_up.door(journal, registry, commits.submit)
    held, other = births(4, "Benar"), births(4, "Lain")
    await door.push(signed_push(held))
    for push in ([other[3], held[0]], [*other[:3], held[3]]):
        with pytest.raises(Refused) as refused:
            await door.push(signed_push(push))
        assert refused.value.code == "equivocation"
    assert (await made_up.registrar(registry).current()).clones == {}


async def test_a_receipt_below_a_fork_proves_nothing_above_it() -> None:
    """Events of another branch, pushed with the receipt of the branch that got lost, would have kept its old stamp."""
    made_up, registry = MadeUpElection(ELECTION), MemoryRegistryJournal()
    made_up.device("k", officer="o-1")
    held, other = births(4, "Benar"), births(4, "Lain")
    first, restored = MemoryJournal(), MemoryJournal()
    door = await made_up.door(first, registry, GroupCommit(first).submit)
    receipt = await door.push(signed_push(held))
    made_up.say(made_up.root, "window_closed", area="9404")
    door = await made_up.door(restored, registry, GroupCommit(restored).submit)
    for pushed in (other[:2], other[2:]):
        told = read_receipt(await door.push(signed_push(pushed, receipt=receipt))).receipt
        assert {one.standing for one in told.standings} == {"late"}
