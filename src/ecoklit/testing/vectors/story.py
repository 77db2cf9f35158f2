"""From a table that fits on a screen to a story as `events/vectors/stories/` holds it.

A table has one line per event:

    label  phone  type  key=value…  [=> standing]

`after=a,b` are the events of others that the author holds; with what they name they make `clock` and `saw`.
`of=label` is the voter born there (default: the first birth). Keys that are record fields make `person`; `tps`,
`to` and `to_area` take the short places below. A phone can also lie: see `_LIES`. `=>` is what becomes of the event
by the contract, where it does not count.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from ecoklit.testing.vectors import keys, pen

VILLAGES = {"A": "9404012001", "B": "9404012002", "C": "9404022001", "N": "9401012001", "M": "9301012001"}
"""A and B lie in one district, C in another of the same regency, N in another regency, M in another province."""

ROLES = {"kpu": "kpu", "kpu2": "kpu", "ppk": "ppk", "ppk2": "ppk", "pps": "pps", "pps2": "pps"}
"""Every phone without a line here belongs to a pantarlih."""

P256_PHONES = frozenset({"sari", "ppk"})

_DEFAULTS: dict[str, dict[str, Any]] = {
    "listed": {"source": "dp4-2024"},
    "new": {"document": "ktp_el", "how": "in_person"},
    "not_met": {"why": "absent"},
}
_RECORD: dict[str, str | None] = {
    "address": "Jalan Contoh 1",
    "birth_date": "1990-02-28",
    "birth_place": "Timika",
    "disability": None,
    "ektp": "S",
    "marital": "B",
    "nik": "9109016802900001",
    "nkk": "9109010101010001",
    "rt": "001",
    "rw": "002",
    "sex": "P",
}
_PERSON_KEYS = frozenset({"note", "death_date"})
_TABLE_KEYS = frozenset({"of", "after", "person", "wire"})
_LIES = frozenset({"seq", "voter", "only", "also", "forge", "quote", "branch", "own", "saw", "set", "drop", "changes"})
"""How to lie: another `seq` or `voter`; `only` these are named (no memory, no closure); `also` phone:n is named unseen;
`forge` the `saw` of a phone; `quote` one event for all that are named; `branch` of a fork that was seen; the `own`
entry; `saw=none`, `saw=reversed` or a list; `set`/`drop` any field; `changes` under other keys."""


@dataclass
class Line:
    """One wire line, and what is known of it."""

    label: str
    note: str
    device: str
    seq: int
    voter: str
    clock: dict[str, int]
    event: dict[str, Any]
    event_bytes: bytes
    person: dict[str, Any] | None
    wire: bytes
    standing: str
    fault: str | None

    @property
    def regency(self) -> str:
        return str(self.event["tps"])[:4]


@dataclass
class Author:
    """Writes the lines of one story; every phone of it remembers what it wrote."""

    lines: dict[str, Line] = field(default_factory=dict)

    def add(self, text: str) -> None:
        table, _, standing = text.partition("=>")
        label, phone, kind, *pairs = table.split()
        options = dict(pair.split("=", 1) for pair in pairs)
        note = " ".join((phone, kind, *pairs))
        if kind == "copy":
            self.lines[label] = self._copied(label, note, phone, options, standing.strip())
        else:
            self.lines[label] = self._written(label, note, phone, kind, options, standing.strip())

    def _copied(self, label: str, note: str, of: str, options: Mapping[str, str], standing: str) -> Line:
        line = self.lines[of]
        person = self._carried(line.person, options.get("person"))
        wire = _wire(line.event_bytes, person)
        kept, fault = _standing(standing or line.standing)
        return replace(line, label=label, note=note, wire=wire, standing=kept, fault=fault)

    def _written(self, label: str, note: str, phone: str, kind: str, options: dict[str, str], standing: str) -> Line:
        device, tps = device_of(phone), place(options.pop("tps", "A1"))
        seq = int(options.pop("seq", 1 + max((line.seq for line in self._own(device)), default=0)))
        person = _person(label, kind, options)
        person_hash = pen.hash_of(pen.canonical(person)) if person else None
        voter = self._voter(kind, options, device, seq, person_hash)
        clock = self._clock(device, seq, voter, tps, options)
        role = ROLES.get(phone, "pantarlih")
        event: dict[str, Any] = {
            "v": 1, "election": pen.ELECTION, "policy": pen.POLICY, "device": device, "seq": seq,
            "prev": self._prev(device, seq), "type": kind, "voter": voter, "clock": clock, "tps": tps,
            "officer": f"o-{phone}", "role": role, "at": "2024-06-25T09:00:00+09:00", **_DEFAULTS.get(kind, {}),
        }  # fmt: skip
        if (saw := self._saw(clock, device, options)) is not None:
            event["saw"] = saw
        if person_hash:
            event["person"] = person_hash
        if person and "changes" in person:
            event["changed"] = sorted(options.get("changes", ",".join(person["changes"])).split(","))
        event.update(self._own_fields(options))
        for key in options.get("drop", "").split(",") if "drop" in options else ():
            del event[key]
        event.update(json.loads(options.get("set", "{}")))
        event_bytes = pen.canonical(event)
        wire = _wire(event_bytes, self._carried(person, options.get("person")))
        return Line(label, note, device, seq, voter, clock, event, event_bytes, person, wire, *_standing(standing))

    def _own(self, device: str) -> list[Line]:
        return [line for line in self.lines.values() if line.device == device]

    def _prev(self, device: str, seq: int) -> str:
        before = [line for line in self._own(device) if line.seq == seq - 1]
        return pen.hash_of(before[0].event_bytes) if before else pen.FIRST_PREV

    def _voter(self, kind: str, options: Mapping[str, str], device: str, seq: int, person: str | None) -> str:
        if "voter" in options:
            return pen.birth_id(pen.ELECTION, options["voter"], 1, "a ghost")
        if "of" in options:
            return self.lines[options["of"]].voter
        if kind in ("listed", "new"):
            return pen.birth_id(pen.ELECTION, device, seq, person or "")
        return next(iter(self.lines.values())).voter

    def _clock(self, device: str, seq: int, voter: str, tps: str, options: Mapping[str, str]) -> dict[str, int]:
        clock: dict[str, int] = {}
        if "only" in options:
            seen = [self.lines[label] for label in options["only"].split(",") if label]
            _join(clock, *({line.device: line.seq} for line in seen))
        else:
            mine = [line for line in self._own(device) if (line.voter, line.regency) == (voter, tps[:4])]
            seen = [self.lines[label] for label in options.get("after", "").split(",") if label]
            _join(clock, *(self._existing(line.clock) for line in (*mine, *seen)))
        for name in options.get("also", "").split(",") if "also" in options else ():
            other, _, number = name.partition(":")
            clock[device_of(other)] = int(number)
        clock[device] = seq
        if "own" in options:
            clock[device] = int(options["own"])
        return {name: clock[name] for name in sorted(clock) if clock[name] >= 0}

    def _existing(self, clock: Mapping[str, int]) -> dict[str, int]:
        """What an honest phone can name: a dot that somebody made up is not held by anyone."""
        dots = {(line.device, line.seq) for line in self.lines.values()}
        return {name: seq for name, seq in clock.items() if (name, seq) in dots}

    def _saw(self, clock: Mapping[str, int], device: str, options: Mapping[str, str]) -> list[str] | None:
        if options.get("saw", "reversed") != "reversed":
            return None if options["saw"] == "none" else json.loads(options["saw"])
        forged = {device_of(phone) for phone in options.get("forge", "").split(",")}
        branch = [self.lines[options["branch"]]] if "branch" in options else []
        marks = []
        for name in sorted(set(clock) - {device}):
            held = [line for line in (*branch, *self.lines.values()) if (line.device, line.seq) == (name, clock[name])]
            if "quote" in options:
                held = [self.lines[options["quote"]]]
            made_up = name in forged or not held
            marks.append(pen.invented(f"{name} {clock[name]}") if made_up else pen.mark_of(held[0].event_bytes))
        return (marks[::-1] if "saw" in options else marks) or None

    def _own_fields(self, options: Mapping[str, str]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key, value in options.items():
            if key in _TABLE_KEYS or key in _LIES or key in _PERSON_KEYS or key in pen.RECORD_FIELDS:
                continue
            fields[key] = self._value(key, value)
        return fields

    def _value(self, key: str, value: str) -> Any:
        if key in ("to", "to_area"):
            return place(value)
        if key == "duplicate_of":
            return self.lines[value].voter
        return int(value) if key == "nth" else value

    def _carried(self, person: dict[str, Any] | None, how: str | None) -> dict[str, Any] | None:
        """The person on this line: the right one, none, or that of another event."""
        if how is None or how == "right":
            return person
        return None if how == "none" else self.lines[how].person


@cache
def key_of(phone: str) -> keys.Key:
    return keys.p256(phone) if phone in P256_PHONES else keys.ed25519(phone)


@cache
def device_of(phone: str) -> str:
    key = key_of(phone)
    return pen.device_id(key.algorithm, key.public)


def place(short: str) -> str:
    """A1 is the first TPS of village A, A that village; digits are themselves."""
    if short.isdigit():
        return short
    return VILLAGES[short[0]] + (f"{int(short[1:]):03d}" if short[1:] else "")


def _person(label: str, kind: str, options: Mapping[str, str]) -> dict[str, Any] | None:
    named = {key: None if options[key] == "-" else options[key] for key in pen.RECORD_FIELDS if key in options}
    more = {key: options[key] for key in _PERSON_KEYS if key in options}
    salt = pen.invented(f"salt of {label}")
    if kind in ("listed", "new"):
        return {"salt": salt, "record": {**_RECORD, "name": label.capitalize(), **named}, **more}
    if named:
        return {"salt": salt, "changes": named, **more}
    return {"salt": salt, **more} if more else None


def _wire(event_bytes: bytes, person: dict[str, Any] | None) -> bytes:
    tail = b',"person":' + pen.canonical(person) if person is not None else b""
    return b'{"event":' + event_bytes + tail + b"}"


def _standing(text: str) -> tuple[str, str | None]:
    """(standing of the event, fault of the line): a bad person is a fault of its copy, and the event counts."""
    return ("counted", "bad_person") if text == "bad_person" else (text or "counted", None)


def _join(clock: dict[str, int], *others: Mapping[str, int]) -> None:
    for other in others:
        for device, seq in other.items():
            clock[device] = max(clock.get(device, 0), seq)


@dataclass(frozen=True)
class Story:
    name: str
    why: str
    events: str
    expect: str
    policies: tuple[dict[str, Any], ...] = ()


def told(story: Story) -> dict[str, Any]:
    """The story as its file holds it."""
    author = Author()
    for text in _rows(story.events):
        author.add(text)
    lines = list(author.lines.values())
    states = sorted((_state(author, text) for text in _rows(story.expect)), key=lambda pair: pair[0])
    return {
        "name": story.name,
        "why": story.why,
        "policies": list(story.policies),
        "events": [_event(line) for line in lines],
        "orders": _orders(story.name, len(lines)),
        "states": [pen.canonical(state).decode() for _, state in states],
        "digests": pen.area_digests(
            (state["decision"]["tps"], state["decision"]["voter"], pen.canonical(state["decision"]))
            for _, state in states
        ),
        "parked": len({line.event_bytes for line in lines if line.standing == "parked"}),
    }


def _rows(table: str) -> Iterable[str]:
    return (row.strip() for row in table.strip().splitlines() if row.strip())


def _event(line: Line) -> dict[str, Any]:
    return {
        "label": line.label,
        "note": line.note,
        "line": line.wire.decode(),
        "hash": pen.hash_of(line.event_bytes),
        "standing": line.standing,
        "line_fault": line.fault or (line.standing if line.standing not in ("counted", "parked") else None),
    }


def _orders(name: str, count: int) -> list[list[int]]:
    """As written, backwards, and scrambled with some lines twice."""
    written = list(range(count))
    chance = random.Random(name)
    scrambled = written + chance.sample(written, min(3, count))
    chance.shuffle(scrambled)
    return [written, written[::-1], scrambled]


def _state(author: Author, text: str) -> tuple[tuple[str, str], dict[str, Any]]:
    birth, verdict, tps, *pairs = text.split()
    options = dict(pair.split("=", 1) for pair in pairs)
    listed = {key: [item for item in options.get(key, "").split(",") if item] for key in
              ("alive", "proposed", "conflicts", "field_conflicts", "salts")}  # fmt: skip
    born = author.lines[birth]
    regency = place(tps)[:4]
    counted = [
        line
        for line in author.lines.values()
        if (line.voter, line.regency, line.standing) == (born.voter, regency, "counted")
    ]
    clock: dict[str, int] = {}
    _join(clock, *(line.clock for line in counted))
    alive = sorted({(author.lines[label].device, author.lines[label].seq) for label in listed["alive"]})
    word, _, reason = verdict.partition("/")
    decision = {
        "alive": [f"{device}:{seq}" for device, seq in alive],
        "attempts": int(options.get("attempts", "0")),
        "clock": clock,
        "conflicts": listed["conflicts"],
        "on_list": word in ("confirmed", "unvisited"),
        "proposed": sorted(listed["proposed"]),
        "reason": reason or None,
        "regency": regency,
        "tps": place(tps),
        "verdict": word,
        "voter": born.voter,
    }
    record = None if options.get("record") == "none" else _record(author, birth, options, listed)
    return (regency, born.voter), {"decision": decision, "record": record}


def _record(author: Author, birth: str, options: Mapping[str, str], listed: Mapping[str, list[str]]) -> dict[str, Any]:
    base = author.lines[options.get("record", birth)].person
    persons = [author.lines[label].person for label in listed["salts"] or [options.get("record", birth)]]
    assert base is not None
    named = {key: None if options[key] == "-" else options[key] for key in pen.RECORD_FIELDS if key in options}
    return {
        "conflicts": listed["field_conflicts"],
        "fields": {**base["record"], **named},
        "salts": sorted({person["salt"] for person in persons if person}),
    }
