"""Where verifiers disagree, and what this contract's verdict is: SPEC §7.2."""

from __future__ import annotations

from typing import Any

from ecoklit.testing.vectors import keys

_ED_ORDER = 2**252 + 27742317777372353535851937790883648493
_P_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ED_PRIME = 2**255 - 19
_IDENTITY = (1).to_bytes(32, "little")
_ORDER_TWO = (_ED_PRIME - 1).to_bytes(32, "little")
_ORDER_EIGHT = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
_MESSAGE = b"ecoklit-head-v1\n"


def verifiers() -> dict[str, Any]:
    ed, p = keys.ed25519("verifier"), keys.p256("verifier")
    right, right_p = ed.sign(_MESSAGE), p.sign(_MESSAGE)
    half, scalar = right[:32], int.from_bytes(right[32:], "little")
    r, s = right_p[:32], int.from_bytes(right_p[32:])

    def case(note: str, algorithm: str, public: bytes, signature: bytes, valid: bool) -> dict[str, Any]:
        return {
            "note": note,
            "algorithm": algorithm,
            "public_key": public.hex(),
            "signature": signature.hex(),
            "valid": valid,
        }

    def on_ed(note: str, public: bytes, signature: bytes, valid: bool = False) -> dict[str, Any]:
        return case(note, "ed25519", public, signature, valid)

    def on_p(note: str, public: bytes, signature: bytes, valid: bool = False) -> dict[str, Any]:
        return case(note, "p256", public, signature, valid)

    return {
        "about": "SPEC §7.2: signatures on which libraries differ. The message is `message`, in hex",
        "message": _MESSAGE.hex(),
        "cases": [
            on_ed("right", ed.public, right, True),
            on_ed("S not reduced: the same signature in other bytes", ed.public,
                  half + (scalar + _ED_ORDER).to_bytes(32, "little")),
            on_ed("S is the group's order", ed.public, half + _ED_ORDER.to_bytes(32, "little")),
            on_ed("a key of order one signs everything", _IDENTITY, _IDENTITY + bytes(32)),
            on_ed("a key of order two", _ORDER_TWO, _IDENTITY + bytes(32)),
            on_ed("a key of order eight", _ORDER_EIGHT, _IDENTITY + bytes(32)),
            on_ed("R of order one under a right key", ed.public, _IDENTITY + right[32:]),
            on_ed("a key whose y is not reduced", (_ED_PRIME + 1).to_bytes(32, "little"), _IDENTITY + bytes(32)),
            on_ed("a key that is no point", (2).to_bytes(32, "little"), right),
            on_ed("zeroes", bytes(32), bytes(64)),
            on_p("right", p.public, right_p, True),
            on_p("the other s of the same signature: as good, since no name hangs on a signature's bytes", p.public,
                 r + (_P_ORDER - s).to_bytes(32), True),
            on_p("s not reduced", p.public, r + min(s + _P_ORDER, 2**256 - 1).to_bytes(32)),
            on_p("r is zero", p.public, bytes(32) + right_p[32:]),
            on_p("s is zero", p.public, r + bytes(32)),
            on_p("r is the group's order", p.public, _P_ORDER.to_bytes(32) + right_p[32:]),
            on_p("a key off the curve", p.public[:64] + bytes([p.public[64] ^ 1]), right_p),
            on_p("a compressed key", bytes([2 + (p.public[64] & 1)]) + p.public[1:33], right_p),
            on_p("a key at infinity", bytes(65), right_p),
        ],
    }  # fmt: skip
