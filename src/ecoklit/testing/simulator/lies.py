"""What a phone can say whose owner means harm: its key is good, its chain is whole, and nothing else need be true."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from ecoklit.core import canonical, ids, push_file, wire
from ecoklit.core.head import sign_head
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.testing.simulator.site import ELECTION

_ZERO: Final = ids.to_base64url(ids.ZERO_HASH)


class Liar(NamedTuple):
    """A key in bad hands, and what was said with it."""

    name: str
    key: Key
    officer: str
    tps: str
    said: list[Held]


Body = dict[str, Any]

LIES: Final = (
    "half_a_clock", "all_but_one", "all_but_one", "future", "wrong_saw", "no_own_entry", "another_tps", "another_role",
    "another_officer",
    "born_as_another", "unknown_field", "unknown_policy", "unknown_evidence", "far_future", "falling", "wrong_person",
    "removes_blindly", "ruled_duplicate",
)  # fmt: skip


def lie(liar: Liar, journal: Sequence[bytes], random: Random) -> tuple[str, Held]:
    """The next event of the liar's log, in some way untrue; by what name. It knows all that the journal holds."""
    heard = [canonical.decode(payload) for payload in journal]
    about = [one for one in heard if "voter" in one]
    what = random.choice(LIES)
    choice: Body = random.choice((what == "all_but_one" and _who_told_whom(liar, about)) or about or [{}])
    victim = choice.get("voter") or ids.birth_id(ELECTION, liar.key.device, 1, _ZERO)
    known = [(one, payload) for one, payload in zip(heard, journal, strict=True) if one["voter"] == victim]
    body = _removal(liar, victim, known, at="2024-06-25T10:00:00+09:00")
    if what == "all_but_one":
        _leave_out(body, sorted(one for one in body["clock"] if one != liar.key.device), choice.get("heard_of", ""))
    else:
        _spoil(what, body, known, random)
    person = canonical.encode({"salt": ids.to_base64url(bytes(16))}) if what == "wrong_person" else None
    held = wire.hold(canonical.encode(body), person)
    liar.said.append(held)
    return what, held


def _removal(liar: Liar, voter: str, known: Sequence[tuple[Body, bytes]], at: str) -> Body:
    """A removal that is well proved, by one who saw all that there is: what a lie begins with."""
    latest: dict[str, tuple[int, bytes]] = {}
    for one, payload in known:
        if one["device"] != liar.key.device and latest.get(one["device"], (0, b""))[0] < one["seq"]:
            latest[one["device"]] = (one["seq"], payload)
    seq = len(liar.said) + 1
    others = sorted(latest)
    body: Body = {
        "at": at,
        "clock": {**{device: latest[device][0] for device in others}, liar.key.device: seq},
        "device": liar.key.device,
        "election": ELECTION,
        "evidence": "death_certificate",
        "officer": liar.officer,
        "policy": "2024-1",
        "prev": ids.to_base64url(liar.said[-1].hash) if liar.said else _ZERO,
        "role": "pantarlih",
        "seq": seq,
        "tps": liar.tps,
        "type": "deceased",
        "v": 1,
        "voter": voter,
    }
    if others:
        body["saw"] = [_mark(latest[device][1]) for device in others]
    return body


def _mark(payload: bytes) -> str:
    return ids.to_base64url(ids.sha256(payload)[: ids.MARK_BYTES])


def _spoil(what: str, body: Body, known: Sequence[tuple[Body, bytes]], random: Random) -> None:
    others = sorted(device for device in body["clock"] if device != body["device"])
    match what:
        case "half_a_clock":
            _name_one(body, others, random, lambda one: random.choice(others))
        case "removes_blindly":
            births = [one["device"] for one, _ in known[:1] if one["device"] in others]
            _name_one(body, others, random, lambda one: births[0] if births else random.choice(others))
        case "future" if others:
            body["clock"][random.choice(others)] += random.randint(1, 3)
        case "wrong_saw" if others:
            body["saw"][0] = ids.to_base64url(bytes(ids.MARK_BYTES))
        case "no_own_entry":
            del body["clock"][body["device"]]
        case "another_tps":
            body["tps"] = "9404990001001"
        case "another_role":
            body |= {"role": "pps", "type": "ruled", "verdict": "deceased"}
            del body["evidence"]
        case "another_officer":
            body["officer"] = "pps"
        case "born_as_another":
            body |= {"type": "new", "how": "in_person", "document": "ktp_el", "person": _ZERO}
            del body["evidence"]
        case "unknown_field":
            body["note"] = "Budi"
        case "unknown_policy":
            body["policy"] = "2099-9"
        case "unknown_evidence":
            body["evidence"] = "hearsay"
        case "far_future":
            body["at"] = "2099-12-31T23:59:59Z"
        case "falling":
            body["clock"] = {body["device"]: body["seq"]}
            body.pop("saw", None)
        case "wrong_person":
            body["person"] = _ZERO
        case "ruled_duplicate":
            body |= {
                "type": "disqualified",
                "reason": "duplicate",
                "duplicate_of": "00000000-0000-8000-8000-000000000000",
            }
            del body["evidence"]
        case _:
            pass


def _who_told_whom(liar: Liar, about: Sequence[Body]) -> list[Body]:
    """The visits by one who had heard of another visitor: events, each with the other's name as `heard_of`."""
    births: dict[str, str] = {}
    for one in about:
        births.setdefault(one["voter"], one["device"])
    return [
        {**one, "heard_of": other}
        for one in about
        if one["type"] == "found" and one["device"] != liar.key.device
        for other in sorted(one["clock"])
        if other not in (one["device"], births[one["voter"]], liar.key.device)
    ]


def _leave_out(body: Body, others: Sequence[str], gone: str) -> None:
    """Name all that is known of the voter but what one visitor said, as if that one had never been there."""
    if gone in others:
        body["saw"] = [mark for device, mark in zip(others, body["saw"], strict=True) if device != gone]
        del body["clock"][gone]


def _name_one(body: Body, others: Sequence[str], random: Random, choose: Any) -> None:
    """Name one of the others only, as if nothing had been heard of the rest."""
    if others:
        kept = choose(random)
        marks = dict(zip(others, body["saw"], strict=True))
        body["clock"] = {kept: body["clock"][kept], body["device"]: body["seq"]}
        body["saw"] = [marks[kept]]


def push_of(liar: Liar, after: int) -> bytes:
    """The push of the liar's log beyond `after`."""
    held = liar.said[after:]
    head = sign_head(liar.key, ELECTION, held[-1].seq, held[-1].hash)
    return push_file.write_push([one.line for one in held], head)


def forged(body: bytes, liar: Liar, random: Random) -> bytes:
    """Somebody else's push, changed on the way: other bytes, or another's signature."""
    lines = body.splitlines()
    if random.random() < 0.5:
        at = random.randrange(len(lines))
        line = lines[at]
        spot = random.randrange(len(line))
        lines[at] = line[:spot] + bytes([line[spot] ^ (1 << random.randrange(7))]) + line[spot + 1 :]
        return b"".join(line + b"\n" for line in lines)
    try:
        events = [wire.read(line) for line in lines if line.startswith(b'{"event"')]
    except ValueError:
        return body
    if not events:
        return body
    last = msgspec.json.decode(events[-1].event_bytes)
    last |= {"seq": last["seq"] + 1, "prev": ids.to_base64url(events[-1].hash), "at": "2024-06-26T10:00:00+09:00"}
    last["clock"] = {**last["clock"], last["device"]: last["seq"]}
    held = wire.hold(canonical.encode(last), None)
    signed = sign_head(liar.key, ELECTION, held.seq, held.hash)
    line = signed.line.replace(liar.key.device.encode(), held.device.encode())
    return b"".join(one + b"\n" for one in (*(event.line for event in events), held.line, line))
