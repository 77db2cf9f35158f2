# ruff: noqa: E501 - these are tables: a row stays on its line
"""A registry from its first line, what is void in it, and what it keeps out of the count: SPEC §8."""

from __future__ import annotations

from typing import Any

from ecoklit.testing.vectors import keys, pen

REGENCY = "9404"
VILLAGE, OTHER_VILLAGE = "9404012001", "9404012002"
A1, A2, A9, B1 = f"{VILLAGE}001", f"{VILLAGE}002", f"{VILLAGE}009", f"{OTHER_VILLAGE}001"
_ROLES = {"kpu": "kpu", "ppk": "ppk", "pps": "pps"}
_P256 = ("sari",)
_ZERO = "A" * 43
_VOTER = "00000000-0000-8000-8000-000000000001"


def _key(name: str) -> keys.Key:
    return keys.p256(name) if name in _P256 else keys.ed25519(name)


def _device(name: str) -> str:
    return pen.device_id(_key(name).algorithm, _key(name).public)


def _public(name: str) -> dict[str, str]:
    return {"algorithm": _key(name).algorithm, "public_key": pen.base64url(_key(name).public)}


class _Book:
    """The registry as it is written, a line at a time."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._ends: dict[str, tuple[int, str]] = {}

    def say(self, name: str, type: str, *, void: str | None = None, **fields: Any) -> int:
        """The next event of `name`; its position. `void` is the name by which the contract says that it does nothing."""
        seq, prev = self._ends.get(name, (0, _ZERO))
        device = _device(name)
        body = pen.canonical(
            {
                "at": "2024-06-24T08:00:00+09:00", "device": device, "election": pen.ELECTION, "officer": name,
                "prev": prev, "regency": REGENCY, "role": _ROLES.get(name, "kpu" if name == "root" else "pantarlih"),
                "seq": seq + 1, "type": type, "v": 1, **fields,
            }
        )  # fmt: skip
        digest = pen.base64url(pen.sha256(body))
        message = f"ecoklit-registry-v1\n{pen.ELECTION}\n{REGENCY}\n{device}\n{seq + 1}\n{digest}\n".encode()
        line = b'{"registry":%b,"signature":"%b"}' % (body, pen.base64url(_key(name).sign(message)).encode())
        self._ends[name] = (seq + 1, digest)
        self.lines.append({"position": len(self.lines) + 1, "by": name, "void": void, "line": line.decode()})
        return len(self.lines)

    def enrol(self, by: str, name: str, *, void: str | None = None) -> int:
        return self.say(by, "device_enrolled", void=void, enrolled=_device(name), holder=name, key=_public(name))

    def assign(self, by: str, officer: str, role: str, area: str, *, void: str | None = None, **more: Any) -> int:
        return self.say(by, "assigned", void=void, area=area, officer_assigned=officer, role_assigned=role, **more)


def registry() -> dict[str, Any]:
    book = _Book()
    at: dict[str, int] = {}
    book.say("root", "election_opened", root=_public("root"), services=[_public("service")])
    book.enrol("root", "kpu")
    book.assign("root", "kpu", "kpu", REGENCY, to_device=_device("kpu"))
    at["tps"] = book.say("kpu", "tps_set", tps=[A1, A2, B1])
    book.enrol("kpu", "pps")
    book.assign("kpu", "pps", "pps", VILLAGE, to_device=_device("pps"))
    book.enrol("pps", "budi")
    at["budi"] = book.assign("pps", "budi", "pantarlih", A1, to_device=_device("budi"))
    book.enrol("pps", "sari")
    at["sari"] = book.assign("pps", "sari", "pantarlih", A2)
    # What a pps may not say: another village, another role, another office's words, a key that is enrolled.
    book.assign("pps", "budi", "pantarlih", B1, void="not_entitled", to_device=_device("budi"))
    book.assign("pps", "budi", "ppk", "940401", void="not_entitled", to_device=_device("budi"))
    book.say("pps", "tps_set", void="not_entitled", tps=[A9])
    book.say("pps", "window_closed", void="not_entitled", area=VILLAGE)
    book.enrol("pps", "budi", void="not_entitled")
    book.say("pps", "revoked", void="not_entitled", revoked=_device("kpu"), from_seq=1)
    # What others may not say.
    book.enrol("budi", "mallory", void="not_entitled")
    book.say("service", "tps_set", void="not_entitled", tps=[A9])
    book.say("root", "election_opened", void="bad_event", root=_public("root"), services=[_public("service")])
    book.say("kpu", "election_closed", void="bad_event")
    book.say("budi", "tps_reported", void="not_entitled", tps=A2, last=3, totals={"on_list": 300}, digest=_ZERO)
    book.say("budi", "tps_reported", tps=A1, last=3, totals={"on_list": 300}, digest=_ZERO)
    # A code: one device, once, in its own terms.
    terms = {"area": A2, "officer_assigned": "yosef", "role_assigned": "pantarlih"}
    until = "2024-06-30T00:00:00+09:00"
    book.say("pps", "vouched", voucher=_device("code"), key=_public("code"), until=until, **terms)
    book.say(
        "code", "device_enrolled", void="not_entitled", enrolled=_device("yosef"), holder="other", key=_public("yosef")
    )
    book.say("code", "device_enrolled", enrolled=_device("yosef"), holder="yosef", key=_public("yosef"))
    book.say("code", "assigned", void="not_entitled", to_device=_device("yosef"), **{**terms, "area": A1})
    at["yosef"] = book.say("code", "assigned", to_device=_device("yosef"), **terms)
    book.say(
        "code", "device_enrolled", void="not_entitled", enrolled=_device("rival"), holder="yosef", key=_public("rival")
    )
    # An operator, a policy, a window, a clone, a revocation, and what a revoked office says.
    book.enrol("pps", "operator")
    at["operator"] = book.assign("pps", "typist", "operator", VILLAGE, to_device=_device("operator"))
    at["policy"] = book.say("kpu", "policy_set", area=VILLAGE, policy="2024-1")
    at["closed"] = book.say("kpu", "window_closed", area=VILLAGE)
    at["extended"] = book.say("kpu", "window_extended", area=A2)
    head = {"device": _device("sari"), "hash": "B" * 42 + "A", "seq": 5, "signature": "C" * 85 + "A"}
    at["cloned"] = book.say(
        "service", "cloned", cloned=_device("sari"), at_seq=4, held=_ZERO, other="B" * 42 + "A", head=head
    )
    at["ended"] = book.say("pps", "revoked", revoked=_device("budi"), from_seq=50, area=A1)
    at["revoked"] = book.say("pps", "revoked", revoked=_device("yosef"), from_seq=7)
    at["readmitted"] = book.say("pps", "readmitted", of_device=_device("yosef"), until="2024-06-26")
    book.say("kpu", "revoked", revoked=_device("pps"), from_seq=1)
    book.assign("pps", "rival", "pantarlih", A1, void="revoked_device")
    at["lost"] = book.say("kpu", "dots_lost", lost=_device("budi"), after=60)
    # Erasures: by whom nobody may, without an order, of one voter, and of everybody; the keys of the logs.
    order = pen.base64url(pen.sha256(b"Putusan 12/2024"))
    book.say("budi", "erased", void="not_entitled", order=order, voter=_VOTER)
    book.say("kpu", "erased", void="bad_event", voter=_VOTER)
    book.say("kpu", "erased", void="bad_event", order=order, voter="9404010101010001")
    at["erased"] = book.say("kpu", "erased", order=order, voter=_VOTER)
    origin = f"ecoklit/{pen.ELECTION}/{REGENCY}"
    book.say("kpu", "log_key", void="bad_event", log="voters", origin="a+b", key=_public("log"))
    book.say("kpu", "log_key", void="bad_event", log="voters", origin=origin, key=_public("sari"))
    book.say("kpu", "log_key", void="bad_event", log="persons", origin=origin, key=_public("log"))
    book.say("service", "log_key", void="not_entitled", log="voters", origin=origin, key=_public("log"))
    at["log_key"] = book.say("kpu", "log_key", log="voters", origin=origin, key=_public("log"))
    at["over"] = book.say("root", "erased", order=order)
    return {
        "about": "SPEC §8: a registry line by line; `void` is the name by which a line does nothing, null where it does. "
        "`judged`: an event of this device, officer, role and tps, admitted at `stamp`, as the whole registry judges it",
        "election": pen.ELECTION,
        "regency": REGENCY,
        "root": _device("root"),
        "lines": book.lines,
        "positions": at,
        "erased": [
            {"position": at["erased"], "order": order, "voter": _VOTER},
            {"position": at["over"], "order": order, "voter": None},
        ],
        "log_keys": [{"position": at["log_key"], "log": "voters", "origin": origin, "device": _device("log")}],
        "judged": _judged(at),
    }


def _judged(at: dict[str, int]) -> list[dict[str, Any]]:
    def case(note: str, name: str | None, by: str, tps: str, stamp: int, **more: Any) -> dict[str, Any]:
        asked = {
            "device": _device(by), "officer": by, "role": _ROLES.get(by, "pantarlih"), "tps": tps, "seq": 1,
            "stamp": stamp, "at": "2024-06-25T08:00:00+09:00", "policy": "2024-1", **more,
        }  # fmt: skip
        return {"note": note, "name": name, **asked}

    early, late = at["tps"], at["closed"]
    return [
        case("on its own tps", None, "budi", A1, early),
        case("stamped before it was assigned: rights are judged by the whole registry", None, "budi", A1, 1),
        case("an assignment without a device holds for what the officer holds", None, "sari", A2, early),
        case("on another tps", "not_entitled", "budi", A2, early),
        case("in another's name", "not_entitled", "budi", A1, early, officer="sari"),
        case("in another role", "not_entitled", "budi", A1, early, role="pps"),
        case("of a regency that is not its own", "not_entitled", "budi", "9401012001001", early),
        case("by a device that nobody enrolled", "not_entitled", "mallory", A1, early),
        case("by a service's key", "not_entitled", "service", A1, early),
        case("a village's pps on any tps of it", None, "pps", A2, early, seq=1, device=_device("kpu"), officer="kpu", role="kpu"),
        case("an operator for an officer of its area", None, "operator", A1, early, officer="budi"),
        case("an operator for an officer who has no right there", "not_entitled", "operator", A1, early, officer="sari"),
        case("an operator outside its area", "not_entitled", "operator", B1, early, officer="budi"),
        case("on a tps that nobody set", "unknown_tps", "kpu", A9, early, role="kpu"),
        case("under a policy that was set", None, "budi", A1, at["policy"]),
        case("under one that was not set", "unknown_policy", "budi", A1, at["policy"], policy="2018-1"),
        case("before any was set", None, "budi", A1, at["policy"] - 1, policy="2018-1"),
        case("after the window was closed", "late", "budi", A1, late),
        case("just before", None, "budi", A1, late - 1),
        case("where it was extended", None, "yosef", A2, at["extended"]),
        case("between the closing and the extension", "late", "operator", A2, late, officer="yosef"),
        case("the clone's fork", "equivocation", "sari", A2, at["cloned"]),
        case("the clone's past", None, "sari", A2, early),
        case("the last one before its right ended", None, "budi", A1, early, seq=49),
        case("the first one after", "not_entitled", "budi", A1, early, seq=50),
        case("before the revocation's seq", None, "yosef", A2, at["extended"], seq=6, at="2024-06-27T08:00:00+09:00"),
        case("from it on", "revoked_device", "yosef", A2, at["extended"], seq=7, at="2024-06-27T08:00:00+09:00"),
        case("from it on, readmitted by its day", None, "yosef", A2, at["extended"], seq=7),
        case("of that day, but admitted after the readmission", "revoked_device", "yosef", A2, at["lost"], seq=7),
        case("revoked, late and under an unknown policy: never readmitted", "unknown_policy", "yosef", A2, at["extended"],
             seq=7, policy="2018-1"),
    ]  # fmt: skip
