"""The same writes as maps of two libraries for replicated data, each in the ways that come naturally to it.

Every event's writes (verdict, proposal, tps, the fields of the record; an attempt under its device's name) are made
by the event's device, which holds the voter as the device saw it, as one change of the voter's map; what the library
exports for that change is one update. Merging is taking all updates into empty documents, reading out is the plain
Python dictionaries of all voters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import loro
import pycrdt

from ecoklit.contract import policies
from ecoklit.core.effect import FIELD, PROPOSAL, TPS, VERDICT, effect_of, place_of
from ecoklit.core.event import NotMet
from ecoklit.core.voter import value_of
from ecoklit.core.wire import Held

Update = tuple[str, bytes]
"""A voter, and what was exported for one event about it."""
Voters = dict[str, dict[str, Any]]


class Way(NamedTuple):
    """One way to merge: what `make` exports in causal order is merged in that order, or shuffled."""

    library: str
    name: str
    make: Callable[[Sequence[Held]], list[Update]]
    is_shuffled: bool
    merge: Callable[[Sequence[Update]], Any]
    reads: dict[str, Callable[[Any], Voters]]
    is_slow: bool = False


def writes_of(held: Held) -> dict[str, Any]:
    """The registers that an event writes, with their values."""
    event, person = held.event, held.person
    assert event is not None
    effect = effect_of(event, policies()[event.policy])
    if isinstance(event, NotMet):
        return {f"attempts/{event.device}": event.nth}
    writes: dict[str, Any] = {}
    for register, name, value in (
        (VERDICT, "verdict", effect.verdict),
        (PROPOSAL, "proposal", effect.proposal),
        (TPS, "tps", place_of(event)),
    ):
        if effect.mask & register:
            writes[name] = value
    for field, bit in FIELD.items():
        if effect.mask & bit:
            assert person is not None
            writes[field] = value_of(person, field)
    return writes


def _births_first(events: Sequence[Held]) -> Iterable[tuple[int, Held]]:
    """The office lists before the phones go out, so a phone starts with one copy of the whole list."""
    office = events[0].device
    return sorted(enumerate(events), key=lambda entry: entry[1].device != office)


# --- pycrdt ----------------------------------------------------------------------------------------------------------


def pycrdt_one(events: Sequence[Held]) -> list[Update]:
    """One document of a map of maps, a replica of it on each device."""
    replicas: dict[str, tuple[pycrdt.Doc[Any], list[bytes], object]] = {}
    made: dict[int, Update] = {}
    whole = b""
    for place, held in _births_first(events):
        if held.device not in replicas:
            if replicas and not whole:
                whole = replicas[events[0].device][0].get_update()
            replicas[held.device] = _pycrdt_replica(whole)
        document, updates, _ = replicas[held.device]
        voters = document["voters"]
        with document.transaction():
            if held.device == events[0].device:
                voters[held.voter] = pycrdt.Map(writes_of(held))
            else:
                voter = voters[held.voter]
                for name, value in writes_of(held).items():
                    voter[name] = value
        made[place] = (held.voter, updates.pop())
    return [made[place] for place in range(len(events))]


def _pycrdt_replica(whole: bytes) -> tuple[pycrdt.Doc[Any], list[bytes], object]:
    document: pycrdt.Doc[Any] = pycrdt.Doc()
    if whole:
        document.apply_update(whole)
    document["voters"] = pycrdt.Map()
    updates: list[bytes] = []
    return document, updates, document.observe(lambda change: updates.append(change.update))


def pycrdt_merge_one(updates: Sequence[Update]) -> pycrdt.Doc[Any]:
    """All in one transaction, which is faster than one for each."""
    document: pycrdt.Doc[Any] = pycrdt.Doc({"voters": pycrdt.Map()})
    with document.transaction():
        for _, update in updates:
            document.apply_update(update)
    return document


def pycrdt_python_one(document: pycrdt.Doc[Any]) -> Voters:
    voters: Voters = document["voters"].to_py()
    return voters


def pycrdt_json_one(document: pycrdt.Doc[Any]) -> Voters:
    voters: Voters = json.loads(str(document["voters"]))
    return voters


def pycrdt_each(events: Sequence[Held]) -> list[Update]:
    """A document for each voter, a replica of it on each device that visits."""
    replicas: dict[tuple[str, str], pycrdt.Doc[Any]] = {}
    about: dict[str, list[bytes]] = {}
    for held in events:
        document = replicas.get((held.voter, held.device))
        if document is None:
            document = replicas[(held.voter, held.device)] = pycrdt.Doc()
            for update in about.setdefault(held.voter, []):
                document.apply_update(update)
        voter, before = document.get("voter", type=pycrdt.Map), document.get_state()
        with document.transaction():
            for name, value in writes_of(held).items():
                voter[name] = value
        about[held.voter].append(document.get_update(before))
    return _in_order(events, about)


def _in_order(events: Sequence[Held], about: dict[str, list[bytes]]) -> list[Update]:
    queues = {voter: iter(updates) for voter, updates in about.items()}
    return [(held.voter, next(queues[held.voter])) for held in events]


def pycrdt_merge_each(updates: Sequence[Update]) -> dict[str, pycrdt.Doc[Any]]:
    """Brought together by voter first, then one transaction for each voter."""
    about: dict[str, list[bytes]] = {}
    for voter, update in updates:
        about.setdefault(voter, []).append(update)
    documents: dict[str, pycrdt.Doc[Any]] = {}
    for voter, mine in about.items():
        document = documents[voter] = pycrdt.Doc()
        with document.transaction():
            for update in mine:
                document.apply_update(update)
    return documents


def pycrdt_python_each(documents: dict[str, pycrdt.Doc[Any]]) -> Voters:
    return {voter: document.get("voter", type=pycrdt.Map).to_py() or {} for voter, document in documents.items()}


def pycrdt_json_each(documents: dict[str, pycrdt.Doc[Any]]) -> Voters:
    return {voter: json.loads(str(document.get("voter", type=pycrdt.Map))) for voter, document in documents.items()}


# --- loro ------------------------------------------------------------------------------------------------------------


def loro_one(events: Sequence[Held]) -> list[Update]:
    """One document of a map of maps, a replica of it on each device."""
    replicas: dict[str, loro.LoroDoc] = {}
    made: dict[int, Update] = {}
    whole = b""
    for place, held in _births_first(events):
        document = replicas.get(held.device)
        if document is None:
            if replicas and not whole:
                whole = replicas[events[0].device].export(loro.ExportMode.Snapshot())
            document = replicas[held.device] = loro.LoroDoc()
            document.peer_id = len(replicas)
            if whole:
                document.import_(whole)
        before = document.oplog_vv  # asking for it ends a change, so it is asked first
        voter = document.get_map("voters").get_or_create_container(held.voter, loro.LoroMap())
        made[place] = (held.voter, _loro_change(document, before, voter, writes_of(held)))
    return [made[place] for place in range(len(events))]


def _loro_change(
    document: loro.LoroDoc, before: loro.VersionVector, voter: loro.LoroMap, writes: dict[str, Any]
) -> bytes:
    for name, value in writes.items():
        voter.insert(name, value)
    document.commit()
    return document.export(loro.ExportMode.Updates(before))


def loro_merge_one(updates: Sequence[Update]) -> loro.LoroDoc:
    document = loro.LoroDoc()
    for _, update in updates:
        document.import_(update)
    return document


def loro_merge_batch(updates: Sequence[Update]) -> loro.LoroDoc:
    document = loro.LoroDoc()
    document.import_batch([update for _, update in updates])
    return document


def loro_python_one(document: loro.LoroDoc) -> Voters:
    voters: Voters = document.get_deep_value()["voters"]
    return voters


def loro_each(events: Sequence[Held]) -> list[Update]:
    """A document for each voter, a replica of it on each device that visits."""
    replicas: dict[tuple[str, str], loro.LoroDoc] = {}
    peers: dict[str, int] = {}
    about: dict[str, list[bytes]] = {}
    for held in events:
        document = replicas.get((held.voter, held.device))
        if document is None:
            document = replicas[(held.voter, held.device)] = loro.LoroDoc()
            document.peer_id = peers.setdefault(held.device, len(peers) + 1)
            for update in about.setdefault(held.voter, []):
                document.import_(update)
        about[held.voter].append(_loro_change(document, document.oplog_vv, document.get_map("voter"), writes_of(held)))
    return _in_order(events, about)


def loro_merge_each(updates: Sequence[Update]) -> dict[str, loro.LoroDoc]:
    documents: dict[str, loro.LoroDoc] = {}
    for voter, update in updates:
        document = documents.get(voter)
        if document is None:
            document = documents[voter] = loro.LoroDoc()
        document.import_(update)
    return documents


def loro_python_each(documents: dict[str, loro.LoroDoc]) -> Voters:
    return {voter: document.get_deep_value()["voter"] for voter, document in documents.items()}


TO_PY = "to_py"
AS_JSON = "as JSON"
DEEP_VALUE = "get_deep_value"
_PYCRDT_ONE = {TO_PY: pycrdt_python_one, AS_JSON: pycrdt_json_one}
_PYCRDT_EACH = {TO_PY: pycrdt_python_each, AS_JSON: pycrdt_json_each}
WAYS = [
    Way("pycrdt", "one document, causes first", pycrdt_one, False, pycrdt_merge_one, _PYCRDT_ONE),
    Way("pycrdt", "one document, shuffled", pycrdt_one, True, pycrdt_merge_one, _PYCRDT_ONE, is_slow=True),
    Way("pycrdt", "a document each, shuffled", pycrdt_each, True, pycrdt_merge_each, _PYCRDT_EACH),
    Way("loro", "one document, causes first", loro_one, False, loro_merge_one, {DEEP_VALUE: loro_python_one}),
    Way(
        "loro", "one document, shuffled", loro_one, True, loro_merge_batch, {DEEP_VALUE: loro_python_one}, is_slow=True
    ),
    Way("loro", "a document each, shuffled", loro_each, True, loro_merge_each, {DEEP_VALUE: loro_python_each}),
]
"""`is_slow`: some ten times slower than the others, so that it is tried once, not in every turn."""
