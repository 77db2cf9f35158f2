# ruff: noqa: E501 - these are tables: a row stays on its line
"""Pushes and what they are refused for: SPEC §7.1, §7.2, §7.4, §7.6, §7.7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecoklit.testing.vectors import pen
from ecoklit.testing.vectors.bytes_and_names import head_message
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
        last = lines[push[-1]] if push else lines["b1"]
        signed_as, signed = how.get("key", how.get("phone", _phone(last))), how.get("signed", last)
        message = head_message(pen.ELECTION, signed.device, signed.seq, pen.hash_of(signed.event_bytes))
        body = [lines[label].wire.decode() for label in push]
        for place, text in how.get("replace", {}).items():
            body[place] = text
        return {
            "note": note,
            "held": [lines[label].wire.decode() for label in held],
            "push": body,
            "times": how.get("times", 1),
            "signature": pen.base64url(key_of(signed_as).sign(message)),
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
        case("the signature of another branch", log[:2], ["fork3"], refused("bad_signature"), signed=lines["b3"]),
        case("bad_signature before equivocation", log[:3], ["fork3"], refused("bad_signature"), key="liar"),
        case("a held dot with another hash", log[:3], ["fork3"], refused("equivocation")),
        case("a held dot with another hash, in the middle", log[:4], ["b2", "fork3", "b4"], refused("equivocation")),
        case("a first prev that is not the held one", log[:3], ["gone4"], refused("equivocation")),
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
    return {
        "about": "SPEC §7.4: the journal of `election` holds `held`, then comes the body: the lines of `push`, each with a line break, the whole `times` times, with its"
        " head signature. `expect`: the code of the refusal, or how many events are new and the highest seq held then",
        "election": pen.ELECTION,
        "devices": [_device(phone) for phone in _KNOWN],
        "cases": cases,
    }  # fmt: skip


def _phone(line: Line) -> str:
    return str(line.event["officer"]).removeprefix("o-")


def _device(phone: str) -> dict[str, str]:
    key = key_of(phone)
    return {"device": device_of(phone), "algorithm": key.algorithm, "public_key": key.public.hex()}
