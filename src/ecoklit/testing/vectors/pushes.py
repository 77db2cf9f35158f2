# ruff: noqa: E501 - these are tables: a row stays on its line
"""Pushes and what they are refused for: SPEC §7.1 to §7.4, §7.6, §7.7, §7.12."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecoklit.testing.vectors import pen
from ecoklit.testing.vectors.bytes_and_names import head_message, receipt_message, registry_message
from ecoklit.testing.vectors.story import Author, Line, device_of, key_of

_LOG = """
    birth   kpu      listed   tps=A1
    b1      budi     not_met  nth=1  after=birth
    b2      budi     not_met  nth=2
    b3      budi     found    how=in_person  name=Maria
    b4      budi     deceased evidence=village_letter
    b5      budi     reopened
    b6      budi     found    how=family
    bad     yosef    married  after=birth
    clock   yosef    not_met  nth=1  after=birth  saw=none
    policy  yosef    not_met  nth=2  policy=2099-1
    s1      sari     found    how=in_person  after=birth
    m1      mallory  found    how=in_person  after=birth
    l1      liar     found    how=in_person  after=birth
    fork2   budi     found    how=document  seq=2
    fork3   budi     found    how=document  seq=3
    gone4   budi     found    how=document  seq=4  set={"prev":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
    first   budi     found    how=document  seq=1  set={"prev":"_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
    other2  budi     found    how=document  seq=2  set={"election":"pemilu-2029"}
    badother yosef   married  set={"election":"pemilu-2029"}  seq=1
    swap3   b3       copy     person=birth
"""
_KNOWN = ("kpu", "budi", "sari", "yosef")


def _lines() -> dict[str, Line]:
    author = Author()
    for row in _LOG.strip().splitlines():
        author.add(row.strip())
    author.add(f"wide budi found how=family seq=1 note={'x' * 900}")
    return author.lines


def refusals() -> dict[str, Any]:
    lines = _lines()
    log = ("b1", "b2", "b3", "b4", "b5", "b6")

    def case(note: str, held: Sequence[str], push: Sequence[str], expect: dict[str, Any], **how: Any) -> dict[str, Any]:
        """`key` signs the head of `signed`, by default that of the last event by its device; `head` is the line as it is."""
        last = lines[push[-1]] if push else lines["b1"]
        signed = how.get("signed", last)
        phone = how.get("key", _phone(signed))
        body = [lines[label].wire.decode() for label in push]
        for place, text in how.get("replace", {}).items():
            body[place] = text
        head = how.get(
            "head", head_line(phone, signed.device, signed.seq, pen.hash_of(signed.event_bytes)) if push else None
        )
        return {
            "note": note,
            "held": [lines[label].wire.decode() for label in held],
            "ahead": how.get("ahead", []),
            "push": body,
            "times": how.get("times", 1),
            "head": head,
            "expect": expect,
        }

    def refused(code: str, **more: Any) -> dict[str, Any]:
        return {"code": code, **more}

    def taken(count: int, seq: int) -> dict[str, Any]:
        return {"taken": count, "seq": seq}

    bytes_max = 900_000 // (len(lines["wide"].wire) + 1)
    broken = {0: '{"event":{}}'}
    cases = [
        case("a first push", [], log[:3], taken(3, 3)),
        case("the next one", log[:3], log[3:], taken(3, 6)),
        case("all of it again", log, log, taken(0, 6)),
        case("an old part of it again", log, log[1:3], taken(0, 6)),
        case("one that overlaps", log[:3], log[1:5], taken(2, 5)),
        case("a p256 phone", [], ["s1"], taken(1, 1)),
        case("a bad event, a bad clock and an unknown policy are taken: they are named, not refused", [], ["bad", "clock", "policy"], taken(3, 3)),
        case("a wrong person is a fault of the copy", log[:2], ["swap3"], taken(1, 3)),
        case("a bad event of another election cannot count anywhere, so it is taken", [], ["badother"], taken(1, 1)),
        case("1001 events", [], ["b1"], refused("too_large"), times=1001),
        case("more than 900,000 bytes", [], ["wide"], refused("too_large"), times=bytes_max + 1),
        case("no more than 900,000 bytes: too much of one event, but not too large", [], ["wide"], refused("gap", expected=2), times=bytes_max),
        case("1000 events are not too large", [], ["b1"], refused("gap", expected=2), times=1000),
        case("too large before malformed", [], ["b1"], refused("too_large"), times=1001, replace=broken),
        case("nothing", [], [], refused("malformed")),
        case("a head of nothing", [], [], refused("malformed"), head=_head_of(lines["b1"])),
        case("events without a head", [], log[:2], refused("malformed"), head=None),
        case("a head that is not canonical", [], log[:1], refused("malformed"), head=_head_of(lines["b1"]).replace(":", ": ", 1)),
        case("a head whose signature is cut", [], log[:1], refused("malformed"), head=_head_of(lines["b1"])[:-3] + '"}'),
        case("a head of another device than the events", [], ["b1"], refused("malformed"), head=_head_of(lines["s1"])),
        case("an event after the head", [], [*log[:2]], refused("malformed"), replace={0: _head_of(lines["b1"])}),
        case("an empty line between", [], log[:3], refused("malformed"), replace={1: ""}),
        case("a line that is cut", [], log[:3], refused("malformed"), replace={2: lines["b3"].wire.decode()[:-1]}),
        case("lines of two devices", [], ["b1", "s1"], refused("malformed")),
        case("malformed before wrong_election", log[:1], ["other2", "b3"], refused("malformed"), replace={1: "{}"}),
        case("malformed before unknown_device", [], ["l1"], refused("malformed"), replace=broken),
        case("another election", log[:1], ["other2"], refused("wrong_election")),
        case("another election in the middle", log[:1], ["other2", "b3"], refused("wrong_election")),
        case("wrong_election before bad_signature", log[:1], ["other2"], refused("wrong_election"), key="sari"),
        case("a device that nobody enrolled", [], ["l1"], refused("unknown_device")),
        case("unknown_device before bad_signature", [], ["m1"], refused("unknown_device"), key="budi"),
        case("signed by another key", [], log[:3], refused("bad_signature"), key="kpu"),
        case("signed for its first event", [], log[:3], refused("bad_signature"), signed=lines["b1"]),
        case("signed for another seq", [], log[:3], refused("bad_signature"), head=head_line("budi", device_of("budi"), 4, pen.hash_of(lines["b3"].event_bytes))),
        case("signed for another election", [], log[:3], refused("bad_signature"), head=head_line("budi", device_of("budi"), 3, pen.hash_of(lines["b3"].event_bytes), election="pemilu-2029")),
        case("the signature of another branch", log[:2], ["fork3"], refused("bad_signature"), signed=lines["b3"]),
        case("bad_signature before equivocation", log[:3], ["fork3"], refused("bad_signature"), key="liar"),
        case("a held dot with another hash", log[:3], ["fork3"], refused("equivocation", cloned=3)),
        case("a held dot with another hash, in the middle: the head vouches only for the last, so nobody is called a clone", log[:4], ["b2", "fork3", "b4"], refused("equivocation")),
        case("a first prev that is not the held one", log[:3], ["gone4"], refused("equivocation", cloned=3)),
        case("a first event whose prev is not zero", [], ["first"], refused("equivocation")),
        case("equivocation before gap", log[:3], ["fork2", "b5"], refused("equivocation")),
        case("one is missing before", log[:1], log[2:], refused("gap", expected=2)),
        case("all is missing before", [], log[3:], refused("gap", expected=1)),
        case("one is missing inside", [], ["b1", "b2", "b4"], refused("gap", expected=3)),
        case("one is missing inside, after held ones", log[:2], ["b1", "b2", "b3", "b5"], refused("gap", expected=4)),
        case("one comes twice", [], ["b1", "b1"], refused("gap", expected=2)),
        case("the wrong way round", log[:2], ["b2", "b1"], refused("gap", expected=3)),
        case("gap before broken_chain, wherever they are", [], ["b1", "b2", "b3", "gone4", "b6"], refused("gap", expected=5)),
        case("a prev that is not the event before", [], ["b1", "b2", "b3", "gone4"], refused("broken_chain")),
        case("a chain that breaks on a fork of its own", [], ["b1", "fork2", "b3"], refused("broken_chain")),
        case("a chain that breaks beyond what is held", log[:1], ["b1", "b2", "b3", "gone4"], refused("broken_chain")),
    ]  # fmt: skip
    registry = Registry()
    cases += _with_receipts(case, log, lines) + _with_registry(case, registry, log)
    return {
        "about": "SPEC §7.4: the registry of `election` and `regency` holds `registry`, its journal of voters `held`, then comes the body: the lines of"
        " `ahead`, of `push` the whole `times` times, and `head` if there is one, each with a line break. `expect`: the code of the refusal, or how many"
        " events are new and the highest seq held then; with `registry` how many registry events of others are new, with `cloned` the"
        " `at_seq` of the registry event that calls the device a clone, and with `stamped_before` how many events keep the stamp 3 of their receipt",
        "election": pen.ELECTION,
        "regency": REGENCY,
        "registry": registry.opened,
        "devices": [_device(phone) for phone in _KNOWN],
        "cases": cases,
    }  # fmt: skip


def head_line(phone: str, device: str, seq: int, event_hash: str, election: str = pen.ELECTION) -> str:
    """A signed head as it is sent (SPEC §7.2)."""
    signature = pen.base64url(key_of(phone).sign(head_message(election, device, seq, event_hash)))
    head: dict[str, Any] = {"device": device, "hash": event_hash, "seq": seq}
    return pen.canonical({"head": head}).decode()[:-1] + f',"signature":"{signature}"}}'


def _head_of(line: Line) -> str:
    return head_line(_phone(line), line.device, line.seq, pen.hash_of(line.event_bytes))


# --- the registry ahead of a push (SPEC §7.3, §8.1) ------------------------------------------------------------------

REGENCY = "9404"
_AT = "2024-06-20T08:00:00+09:00"


class Registry:
    """A made-up registry, whose root enrols the known phones; each author's log goes on by itself."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[int, str]] = {}
        self.opened = [self.say("root", "election_opened", root=_key("root"), services=[_key("service")])]
        self.opened += [
            self.say("root", "device_enrolled", enrolled=device_of(phone), holder=f"o-{phone}", key=_key(phone))
            for phone in _KNOWN
        ]

    def say(self, phone: str, kind: str, **own: Any) -> str:
        """The next line of the phone's log; `signed_by`, `seq` and `prev` make it a wrong one, which does not go on."""
        seq, prev = self._ends.get(phone, (0, pen.FIRST_PREV))
        wrong: dict[str, Any] = {name: own.pop(name) for name in ("seq", "prev", "election", "regency") if name in own}
        signer = own.pop("signed_by", phone)
        body: dict[str, Any] = {
            "at": _AT, "device": device_of(phone), "election": pen.ELECTION, "officer": "kpu", "prev": prev,
            "regency": REGENCY, "role": "kpu", "seq": seq + 1, "type": kind, "v": 1, **own, **wrong,
        }  # fmt: skip
        raw = pen.canonical(body)
        message = registry_message(body["election"], body["regency"], body["device"], body["seq"], pen.hash_of(raw))
        if not wrong and signer == phone:
            self._ends[phone] = (seq + 1, pen.hash_of(raw))
        return f'{{"registry":{raw.decode()},"signature":"{pen.base64url(key_of(signer).sign(message))}"}}'

    def enrolment(self, phone: str) -> str:
        return self.say("root", "device_enrolled", enrolled=device_of(phone), holder=f"o-{phone}", key=_key(phone))


def _with_registry(case: Any, registry: Registry, log: Sequence[str]) -> list[dict[str, Any]]:
    opened = registry.opened
    window = {"area": REGENCY}
    forked = registry.say("root", "window_closed", seq=2, prev=pen.hash_of(b"another"), **window)
    strange = registry.say("root", "window_opened", prev=pen.hash_of(b"another"), **window)
    gap = registry.say("root", "window_opened", seq=9, **window)
    other = registry.say("root", "window_opened", election="pemilu-2029", **window)
    elsewhere = registry.say("root", "window_opened", regency="9403", area="9403")
    forged = registry.say("root", "window_opened", signed_by="budi", **window)
    liar = registry.enrolment("liar")
    first = registry.say("kpu", "window_opened", **window)
    second = registry.say("kpu", "window_closed", **window)
    unlinked = registry.say("kpu", "window_closed", seq=2, **window)
    stranger = registry.say("mallory", "window_opened", **window)

    def alone(note: str, ahead: list[str], expect: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = case(note, [], [], expect, ahead=ahead)
        return found

    return [
        case("an enrolment comes ahead of the phone's first push", [], ["l1"], {"taken": 1, "seq": 1, "registry": 1}, ahead=[liar]),
        case("the whole registry comes along: what is held is no error", [], ["l1"], {"taken": 1, "seq": 1, "registry": 1}, ahead=[*opened, liar]),
        case("registry events stay when the push is refused", [], log[1:2], {"code": "gap", "expected": 1, "registry": 1}, ahead=[liar]),
        case("registry events after an event", [], ["b1"], {"code": "malformed"}, head=liar),
        alone("registry events alone", [liar, first, second], {"taken": 0, "registry": 3}),
        alone("a right that nobody gave refuses nothing", [registry.say("budi", "window_closed", **window)], {"taken": 0, "registry": 1}),
        alone("201 registry events", [first] * 201, {"code": "too_large"}),
        alone("a registry line that is cut", [first[:-1]], {"code": "malformed"}),
        alone("a registry event of another election", [other], {"code": "wrong_election"}),
        alone("a registry event of another regency", [elsewhere], {"code": "wrong_election"}),
        alone("a registry event of a stranger", [stranger], {"code": "unknown_device"}),
        alone("a registry event signed by another key", [forged], {"code": "bad_signature"}),
        alone("a held registry event with another signature", [opened[0].replace(_signature(opened[0]), _signature(opened[1]))], {"code": "bad_signature"}),
        alone("another registry event in a held one's place", [forked], {"code": "equivocation"}),
        alone("a registry event that left the held log", [strange], {"code": "equivocation"}),
        alone("a registry event is missing before", [gap], {"code": "gap", "expected": len(opened) + 1}),
        alone("a registry event whose prev is not the one before", [first, unlinked], {"code": "broken_chain"}),
        alone("the first of two logs stays, whatever the second is refused for", [liar, second], {"code": "gap", "expected": 1, "registry": 1}),
    ]  # fmt: skip


def _with_receipts(case: Any, log: Sequence[str], lines: dict[str, Line]) -> list[dict[str, Any]]:
    def receipt(label: str, signer: str = "service", **other: Any) -> str:
        line = lines[label]
        body = {
            "device": line.device, "election": pen.ELECTION, "epoch": 1, "head": pen.hash_of(line.event_bytes),
            "log": "voters", "position": {f"ECOKLIT-{pen.ELECTION}-{REGENCY}": line.seq}, "regency": REGENCY,
            "registry": 3, "seq": line.seq, "standings": [], "v": 1, **other,
        }  # fmt: skip
        raw = pen.canonical(body)
        signature = pen.base64url(key_of(signer).sign(receipt_message(pen.hash_of(raw))))
        return f'{{"receipt":{raw.decode()},"service":"{device_of(signer)}","signature":"{signature}"}}'

    return [
        case("with the receipt of an earlier admission", [], log[:3], {"taken": 3, "seq": 3, "stamped_before": 3}, ahead=[receipt("b3")]),
        case("a receipt of the first two proves no more", [], log[:3], {"taken": 3, "seq": 3, "stamped_before": 2}, ahead=[receipt("b2")]),
        case("a receipt of an event that is not in the push proves nothing", [], log[:2], {"taken": 2, "seq": 2, "stamped_before": 0}, ahead=[receipt("b3")]),
        case("a receipt signed by no service", [], log[:3], {"code": "bad_signature"}, ahead=[receipt("b3", "budi")]),
        case("a receipt of another device", [], log[:3], {"code": "bad_signature"}, ahead=[receipt("s1")]),
        case("a receipt of another election", [], log[:3], {"code": "bad_signature"}, ahead=[receipt("b3", election="pemilu-2029")]),
        case("two receipts", [], log[:3], {"code": "malformed"}, ahead=[receipt("b2"), receipt("b3")]),
        case("a receipt without events", [], [], {"code": "malformed"}, ahead=[receipt("b3")]),
    ]  # fmt: skip


def _key(phone: str) -> dict[str, str]:
    key = key_of(phone)
    return {"algorithm": key.algorithm, "public_key": pen.base64url(key.public)}


def _signature(line: str) -> str:
    return line[-88:-2]


def _phone(line: Line) -> str:
    return str(line.event["officer"]).removeprefix("o-")


def _device(phone: str) -> dict[str, str]:
    key = key_of(phone)
    return {"device": device_of(phone), "algorithm": key.algorithm, "public_key": key.public.hex()}
