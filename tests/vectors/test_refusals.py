"""A push is taken whole, or refused by the first name that fits (SPEC §7.4)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from ecoklit.core import ids, wire
from ecoklit.core.admission import Refused
from ecoklit.core.receipt import read_receipt
from ecoklit.core.registry_event import Cloned, read_line
from ecoklit.core.signing import ED25519, PublicKey, key_from_seed
from ecoklit.core.wire import Held
from ecoklit.ports import STAMP_HEADER, Push
from ecoklit.services.admit import Admission
from ecoklit.services.registry import Registrar
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.vectors import shelf
from ecoklit.testing.vectors.story import key_of

REFUSALS = shelf.read("refusals.json")
SERVICE = key_from_seed(ED25519, key_of("service").secret)
EARLIER = 3
"""The registry position in the receipts of the vectors."""


@pytest.mark.parametrize("case", REFUSALS["cases"], ids=lambda case: case["note"])
async def test_a_push_is_taken_or_refused_by_name(case: dict[str, Any]) -> None:
    """The first refusal in the contract's order is the one that is named; otherwise what is new is taken."""
    journal, registry = await _journal(case["held"]), await _registry()
    before, registered = (await journal.last()).events, await registry.last()
    found: dict[str, Any] = {}
    try:
        receipt = read_receipt(await _door(journal, registry).push(_body(case))).receipt
        assert receipt.election == REFUSALS["election"]
        found["seq"] = receipt.seq
    except Refused as refused:
        found = {"code": refused.code, "expected": refused.expected}
        assert (await journal.last()).events == before
    taken = await journal.read_events(before, 1000)
    found["taken"] = len(taken)
    said = [read_line(message.payload).event for message in await registry.read(registered, 1000)]
    cloned = [event.at_seq for event in said if isinstance(event, Cloned)]
    found["registry"] = len(said) - len(cloned)
    found["cloned"] = sum(cloned)
    found["stamped_before"] = _stamped_before([dict(message.headers).get(STAMP_HEADER) for message in taken])
    expect = {"taken": 0, "registry": 0, "cloned": 0, "stamped_before": 0, **case["expect"]}
    assert {name: found[name] for name in expect if name != "seq" or case["push"]} == {
        name: value for name, value in expect.items() if name != "seq" or case["push"]
    }


def test_the_devices_of_the_vectors_are_those_of_their_registry() -> None:
    """Whoever has no fold of a registry yet may take the devices from the list."""
    enrolled = [read_line(line.encode()).event for line in REFUSALS["registry"][1:]]
    listed = [
        (one["device"], PublicKey(one["algorithm"], ids.to_base64url(bytes.fromhex(one["public_key"]))))
        for one in REFUSALS["devices"]
    ]
    assert [(event.enrolled, event.key) for event in enrolled] == listed  # type: ignore[union-attr]


def _body(case: dict[str, Any]) -> bytes:
    ahead = "".join(line + "\n" for line in case["ahead"])
    push = "".join(line + "\n" for line in case["push"]) * case["times"]
    return (ahead + push + ("" if case["head"] is None else case["head"] + "\n")).encode()


def _door(journal: MemoryJournal, registry: MemoryRegistryJournal) -> Admission:
    async def submit(push: Push) -> Any:
        return (await journal.append([push]))[0]

    where = {"election": REFUSALS["election"], "regency": REFUSALS["regency"]}
    registrar = Registrar(**where, journal=registry)
    return Admission(**where, epoch=1, journal=journal, submit=submit, registrar=registrar, service_key=lambda: SERVICE)


async def _journal(lines: list[str]) -> MemoryJournal:
    journal = MemoryJournal()
    logs: dict[str, list[Held]] = defaultdict(list)
    for line in lines:
        held = wire.read(line.encode())
        logs[held.device].append(held)
    for device, log in logs.items():
        persons = tuple((one.seq, one.person_bytes) for one in log if one.person_bytes is not None)
        await journal.append([Push(device, 0, tuple(one.event_bytes for one in log), persons)])
    return journal


async def _registry() -> MemoryRegistryJournal:
    registry = MemoryRegistryJournal()
    for line in REFUSALS["registry"]:
        signed = read_line(line.encode())
        head = await registry.head(signed.device)
        await registry.append(signed.device, head.sequence if head else 0, [signed.line])
    return registry


def _stamped_before(stamps: list[str | None]) -> int:
    count, last = 0, None
    for stamp in stamps:
        last = last if stamp is None else stamp
        count += last == str(EARLIER)
    return count
