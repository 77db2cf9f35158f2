# ruff: noqa: E501 - this is a table: a row stays on its line
"""Vectors of receipts (SPEC §7.9): which line is one, and who signed it."""

from __future__ import annotations

from typing import Any, Final

from ecoklit.testing.vectors import pen
from ecoklit.testing.vectors.bytes_and_names import receipt_message
from ecoklit.testing.vectors.story import device_of, key_of

REGENCY: Final = "9404"
SERVICES: Final = ("service", "ppk")
"""An ed25519 key and a p256 one."""


def receipts() -> dict[str, Any]:
    return {
        "about": "SPEC §7.9: `services` are the keys that the election names. `cases`: a `line` that is a receipt, of the device's log up to `seq`, and whether one of them signed it (`valid`); `invalid`: what is no receipt",
        "services": [{"algorithm": key_of(name).algorithm, "public_key": pen.base64url(key_of(name).public)} for name in SERVICES],
        "cases": cases(),
        "invalid": invalid(),
    }  # fmt: skip


def body(**changed: Any) -> dict[str, Any]:
    said = {
        "as_of": 9, "device": device_of("budi"), "election": pen.ELECTION, "epoch": 1, "head": pen.hash_of(b"an event"),
        "log": "voters", "position": {f"ECOKLIT-{pen.ELECTION}-{REGENCY}": 9}, "regency": REGENCY, "registry": 4,
        "seq": 7, "standings": [], "v": 1, **changed,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def line(raw: bytes, signer: str = "service", service: str = "", signed: bytes = b"") -> str:
    signature = pen.base64url(key_of(signer).sign(receipt_message(pen.hash_of(signed or raw))))
    return f'{{"receipt":{raw.decode()},"service":"{service or device_of(signer)}","signature":"{signature}"}}'


def cases() -> list[dict[str, Any]]:
    plain = pen.canonical(body())
    late = {"seq": 3, "standing": "late", "why": "it came when coklit of its area was closed"}

    def case(note: str, text: str, valid: bool) -> dict[str, Any]:
        return {"note": note, "line": text, "seq": 7, "valid": valid}

    return [
        case("right", line(plain), True),
        case("of a p256 service", line(plain, "ppk"), True),
        case("of the registry's log", line(pen.canonical(body(log="registry"))), True),
        case("the service could not look at standings", line(pen.canonical(body(as_of=None))), True),
        case(
            "entries that do not count, one with a reason",
            line(pen.canonical(body(standings=[{"seq": 2, "standing": "parked"}, late]))),
            True,
        ),
        case("two persons were not taken, because they are erased", line(pen.canonical(body(erased=[3, 5]))), True),
        case(
            "a member of a later version, and one in a standing",
            line(pen.canonical(body(later=[1], standings=[{**late, "later": None}]))),
            True,
        ),
        case("signed by no service", line(plain, "budi"), False),
        case("signed by another service than it says", line(plain, "ppk", device_of("service")), False),
        case("of a service that the election does not name", line(plain, "service", device_of("budi")), False),
        case("the signature of another receipt", line(pen.canonical(body(seq=7, epoch=2)), signed=plain), False),
        case(
            "changed in one character after it was signed",
            line(plain.replace(b'"registry":4', b'"registry":5'), signed=plain),
            False,
        ),
    ]


def invalid() -> list[dict[str, Any]]:
    right = line(pen.canonical(body()))
    signature = right[-88:-2]
    broken: tuple[tuple[str, str], ...] = (
        ("nothing", ""),
        ("a page of the web", "<html></html>"),
        ("cut off", right[:-1]),
        ("two of them", f"{right}\n{right}"),
        ("a blank in it", right.replace(":", ": ", 1)),
        ("its members in another order", f'{{"service":"{device_of("service")}","receipt":{pen.canonical(body()).decode()},"signature":"{signature}"}}'),
        ("a second signature", right.replace('"signature":', f'"signature":"{signature}","signature":')),
        ("a member more", right[:-1] + ',"v":1}'),
        ("a signature that is cut", right.replace(signature, signature[:-1])),
        ("a signature whose unused bits are set", right.replace(signature, signature[:-1] + "_")),
        ("a service that is no device", line(pen.canonical(body()), service="the-service")),
        ("no receipt in it", f'{{"receipt":null,"service":"{device_of("service")}","signature":"{signature}"}}'),
        *((f"{name} is {value!r}", line(pen.canonical(body(**{name: value})))) for name, value in _WRONG),
        *((f"no {name}", line(pen.canonical(body(**{name: None})))) for name in ("device", "election", "epoch", "head", "position", "regency", "registry", "seq", "standings")),
    )  # fmt: skip
    return [{"note": note, "line": text} for note, text in broken]


_WRONG: Final[tuple[tuple[str, Any], ...]] = (
    ("device", "budi"),
    ("head", "7"),
    ("epoch", "1"),
    ("log", "votes"),
    ("position", 9),
    ("position", {"ECOKLIT": "9"}),
    ("registry", True),
    ("seq", "7"),
    ("standings", {}),
    ("standings", [{"seq": 3}]),
    ("standings", [{"seq": 3, "standing": "late", "why": 4}]),
    ("as_of", "9"),
    ("erased", 3),
    ("erased", ["3"]),
    ("v", 2),
)
