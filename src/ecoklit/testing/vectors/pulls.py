"""Vectors of pulls (SPEC §7.11): what is signed, and what a page is."""

from __future__ import annotations

import json
from typing import Any, Final

from ecoklit.testing.vectors import pen
from ecoklit.testing.vectors.story import device_of, key_of

NONCE: Final = "AAAAAGZ6rYAAAAAAAAAAAAAAAAAAAAAA"
TPS: Final = "9404012001001"
CURSOR: Final = "5f2a-17"
STREAM: Final = f"ECOKLIT-{pen.ELECTION}-9404"
POLICY: Final = {"policy": "2029-1", "removals": {"deceased": {"accepted": ["death_certificate"]}}}


def pulls() -> dict[str, Any]:
    return {
        "about": "SPEC §7.11: what a device signs to be given a page, and what a page says",
        "asks": [ask for phone in ("kpu", "sari") for ask in asks(phone)],
        "pages": pages(),
        "invalid": invalid(),
    }


def asks(phone: str) -> list[dict[str, Any]]:
    key, device = key_of(phone), device_of(phone)
    words = ("ecoklit-pull-v1", pen.ELECTION, device, NONCE, TPS, CURSOR)
    signature = pen.base64url(key.sign("".join(f"{word}\n" for word in words).encode()))
    right = {
        "algorithm": key.algorithm, "public_key": key.public.hex(), "election": pen.ELECTION, "device": device,
        "nonce": NONCE, "tps": TPS, "cursor": CURSOR, "signature": signature,
    }  # fmt: skip
    others = (
        ("of another election", {"election": "pemilu-2029"}),
        ("of another device", {"device": device_of("budi")}),
        ("of another nonce", {"nonce": NONCE[:-1] + "B"}),
        ("of another TPS", {"tps": "9404012001002"}),
        ("of the beginning", {"cursor": ""}),
        ("where one word ends and the next begins", {"tps": TPS + CURSOR, "cursor": ""}),
    )
    return [
        {"note": "right", **right, "valid": True},
        *({"note": note, **right, **changed, "valid": False} for note, changed in others),
    ]


def page_line(**changed: Any) -> str:
    page = {"cursor": CURSOR, "lost": [], "more": True, "position": {STREAM: 9}, "registry": 4, **changed}
    return line({"page": page})


def line(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def standing(**said: Any) -> str:
    return line({"standing": {"device": device_of("sari"), "name": "late", "seq": 7, **said}})


def read(note: str, lines: list[str], **found: Any) -> dict[str, Any]:
    nothing = {"standings": [], "lost": [], "policies": [], "digest": ""}
    return {"note": note, "lines": lines, **nothing, **found}


def pages() -> list[dict[str, Any]]:
    sari, nobody = device_of("sari"), pen.base64url(bytes.fromhex(EMPTY_TREE))
    digest = pen.hash_of(b"a digest")
    last = {"more": False, "digest": digest}
    return [
        read("of a TPS that nobody ever stood on", [page_line(more=False, digest=nobody)]),
        read("more follows, so there is no digest yet", [page_line()]),
        read("the last one", [page_line(**last)], digest=digest),
        read("a standing with its why", [standing(why="it was closed"), page_line(**last)], digest=digest,
             standings=[[sari, 7, "late", "it was closed"]]),
        read("a standing without", [standing(), page_line(**last)], digest=digest, standings=[[sari, 7, "late", ""]]),
        read("a standing that ended", [standing(name="counted"), page_line(**last)], digest=digest,
             standings=[[sari, 7, "counted", ""]]),
        read("dots that pass as held", [page_line(**last, lost=[{"after": 3, "device": sari}])], digest=digest,
             lost=[[sari, 3]]),
        read("a policy that was set for the TPS", [page_line(**last, policies=[POLICY])], digest=digest,
             policies=["2029-1"]),
        read("lines and members that nobody knows yet", [line({"later": {}}), standing(later=1),
             page_line(**last, later=[])], digest=digest, standings=[[sari, 7, "late", ""]]),
    ]  # fmt: skip


def invalid() -> list[dict[str, Any]]:
    return [
        {"note": note, "lines": lines}
        for note, lines in (
            ("nothing", []),
            ("no line that ends it", [standing()]),
            ("cut off in its last line", [page_line()[:-3]]),
            ("its end is not at the end", [page_line(), standing()]),
            ("a page of the web", ["<html></html>"]),
            ("a page without its cursor", [line({"page": {"more": True}})]),
            ("a digest that is none", [page_line(more=False, digest="none")]),
            ("a standing without its seq", [line({"standing": {"device": "x", "name": "late"}}), page_line()]),
            ("a policy that is none", [page_line(policies=[{"policy": "A policy"}])]),
            ("an event that is none", [line({"event": {}}), page_line()]),
        )
    ]


EMPTY_TREE: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
