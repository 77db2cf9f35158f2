# ruff: noqa: E501 - these are tables: a row stays on its line
"""Tables about bytes, hashes, names and trees: SPEC §1.2 to §1.4, §6.5, §6.6."""

from __future__ import annotations

from typing import Any

from ecoklit.testing.vectors import keys, pen
from ecoklit.testing.vectors.story import device_of, key_of, place

_CANONICAL: tuple[tuple[str, Any], ...] = (
    ("an empty object", {}),
    ("an empty list", []),
    ("literals", [None, True, False]),
    ("the greatest integer", 2**53 - 1),
    ("the least integer", -(2**53) + 1),
    ("zero", 0),
    ("keys in order", {"b": 1, "a": 2, "aa": 3, "B": 4, "": 5}),
    ("keys inside keys", {"z": {"y": [], "x": {}}, "a": [{"d": 1, "c": 2}]}),
    (
        "keys sort by UTF-16 code units: U+1F600 (D83D DE00) before U+FB33, though its code point is greater",
        {"\ufb33": "Hebrew letter dalet with dagesh", "\U0001f600": "emoji", "\u20ac": "euro", "\r": "CR", "1": "one", "\x80": "control", "\xf6": "o"},
    ),
    ("the seven short escapes", '"\\\b\t\n\f\r'),
    ("other controls as lower-case u-escapes", "\x00\x01\x1f"),
    ("what is not escaped: slash, delete, line separator, non-characters", "/\x7f\u2028\u2029\ufffe\uffff"),
    ("letters of any script as UTF-8", "Yos\xe9 \u0939\u093f \U0001f5f3"),
    ("no normalisation: composed and decomposed stay apart", ["\xe9", "e\u0301"]),
    ("a string like a number", ["0", "-0", "1e1"]),
    ("a deep list", [[[[[[[[[[1]]]]]]]]]]),
)  # fmt: skip

_NOT_CANONICAL: tuple[tuple[str, bytes], ...] = (
    ("nothing", b""),
    ("white space only", b" "),
    ("a byte order mark", b"\xef\xbb\xbf{}"),
    ("UTF-16", '{"a":1}'.encode("utf-16")),
    ("a blank before", b" {}"),
    ("a line break after", b"{}\n"),
    ("a carriage return after", b"{}\r"),
    ("a blank after a colon", b'{"a": 1}'),
    ("a blank after a comma", b"[1, 2]"),
    ("two values", b"{}{}"),
    ("a comment", b"{}/**/"),
    ("a trailing comma", b"[1,]"),
    ("single quotes", b"{'a':1}"),
    ("keys out of order", b'{"b":1,"a":2}'),
    ("keys inside out of order", b'{"a":{"c":1,"b":2}}'),
    ("keys in order of code points, not of UTF-16", '{"\ufb33":1,"\U0001f600":2}'.encode()),
    ("a key twice", b'{"a":1,"a":1}'),
    ("a key twice, once escaped", b'{"a":1,"\\u0061":1}'),
    ("a fraction", b"1.5"),
    ("a fraction of nothing", b"1.0"),
    ("an exponent", b"1e2"),
    ("an exponent that shortens", b"[1E3]"),
    ("minus zero", b"-0"),
    ("minus zero inside", b'{"a":[-0]}'),
    ("a leading zero", b"01"),
    ("a plus sign", b"+1"),
    ("2^53", b"9007199254740992"),
    ("-2^53", b"-9007199254740992"),
    ("2^64", b"18446744073709551616"),
    ("a number of 400 digits", b"1" * 400),
    ("not a number", b"NaN"),
    ("infinity", b"-Infinity"),
    ("an escaped letter", b'"\\u0061"'),
    ("an escaped slash", b'"\\/"'),
    ("an escaped non-ASCII letter", b'"\\u00e9"'),
    ("an upper-case u-escape", b'"\\u001F"'),
    ("a long escape where a short one is", b'"\\u000a"'),
    ("a raw control character", b'"\x01"'),
    ("a raw tab", b'"\t"'),
    ("a lone high surrogate", b'"\\ud83d"'),
    ("a lone low surrogate", b'"\\ude00"'),
    ("surrogates the wrong way round", b'"\\ude00\\ud83d"'),
    ("an escaped pair", b'"\\ud83d\\ude00"'),
    ("a lone surrogate as a key", b'{"\\ud800":1}'),
    ("a surrogate in UTF-8", b'"\xed\xa0\x80"'),
    ("a pair of surrogates in UTF-8", b'"\xed\xa0\xbd\xed\xb8\x80"'),
    ("an overlong slash", b'"\xc0\xaf"'),
    ("beyond U+10FFFF", b'"\xf4\x90\x80\x80"'),
    ("a cut character", b'"\xe2\x82"'),
    ("a lone continuation byte", b'"\x80"'),
    ("an upper-case literal", b"True"),
    ("an unfinished string", b'"a'),
    ("an unfinished object", b'{"a":1'),
    ("a key without a value", b'{"a"}'),
    ("a number as a key", b"{1:2}"),
)


def canonical() -> dict[str, Any]:
    return {
        "about": "SPEC §1.2, §1.3: `valid` values and their one form (hex) and SHA-256 (hex); `invalid` bytes (hex) are the form of nothing",
        "valid": [
            {"note": note, "value": value, "hex": pen.canonical(value).hex(), "sha256": pen.sha256(pen.canonical(value)).hex()}
            for note, value in _CANONICAL
        ],
        "invalid": [{"note": note, "hex": raw.hex()} for note, raw in _NOT_CANONICAL],
    }  # fmt: skip


def names() -> dict[str, Any]:
    births = [
        (pen.ELECTION, device_of("kpu"), 1, pen.hash_of(b"a person")),
        (pen.ELECTION, device_of("kpu"), 2, pen.hash_of(b"a person")),
        (pen.ELECTION, device_of("budi"), 1, pen.hash_of(b"a person")),
        ("pemilu-2029", device_of("kpu"), 1, pen.hash_of(b"a person")),
        (pen.ELECTION, device_of("kpu"), 1, pen.hash_of(b"another person")),
        (pen.ELECTION, device_of("kpu"), 2**53 - 1, pen.FIRST_PREV),
    ]
    phones = ("kpu", "sari", "budi", "ppk")
    return {
        "about": "SPEC §1.4: devices from keys (hex), voters from births, hashes of event bytes; `invalid` forms fit no pattern",
        "devices": [
            {"algorithm": key.algorithm, "public_key": key.public.hex(), "device": pen.device_id(key.algorithm, key.public)}
            for key in map(key_of, phones)
        ],
        "voters": [
            {"election": e, "device": d, "seq": s, "person": p, "voter": pen.birth_id(e, d, s, p)} for e, d, s, p in births
        ],
        "hashes": [
            {"text": text, "hash": pen.hash_of(text.encode()), "mark": pen.mark_of(text.encode())} for text in ("", "{}", '{"a":1}')
        ],
        "invalid": {
            "key": [
                {"note": "a short ed25519 key", "algorithm": "ed25519", "public_key": "00" * 31},
                {"note": "a compressed p256 point", "algorithm": "p256", "public_key": "02" + "00" * 32},
                {"note": "an algorithm that is none", "algorithm": "rsa", "public_key": "00" * 32},
            ],
            "device": ["", "2547ohxmhyglx6n", "2547ohxmhyglx6nqq", "2547OHXMHYGLX6NQ", "2547ohxmhyglx6n1", "2547ohxmhyglx6n0", "2547ohxmhyglx6n=", "*"],
            "hash": ["", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 43 + "=", "+" + "A" * 42, "/" + "A" * 42],
            "mark": ["", "A" * 21, "A" * 23, "A" * 21 + "B", "A" * 22 + "=="],
            "voter": [
                "", "62c29d37-13c6-4e53-8bc0-bddacc3d8820", "62C29D37-13C6-8E53-8BC0-BDDACC3D8820",
                "62c29d3713c68e538bc0bddacc3d8820", "62c29d37-13c6-8e53-cbc0-bddacc3d8820", "{62c29d37-13c6-8e53-8bc0-bddacc3d8820}",
            ],
            "tps": ["", "940401200100", "94040120010011", "94.04.01.2001001", "0904012001001", "1004012001001", "94040120O1001"],
            "area": ["", "9", "940", "94040", "9404012", "00", "10", "9404012001001", "94.04"],
            "word": ["", "a" * 33, "O-1", "o 1", "o.1", "\xf6", "o\n"],
        },
    }  # fmt: skip


def digests() -> dict[str, Any]:
    def tree(count: int) -> dict[str, Any]:
        inputs = [f"leaf {number}".encode() for number in range(count)]
        return {"inputs": [leaf.hex() for leaf in inputs], "head": pen.tree_head(inputs).hex()}

    rolls = [("A1", 2), ("A2", 1), ("B1", 3), ("C1", 1), ("N1", 1), ("M1", 7)]
    leaves = [
        (place(tps), f"{tps} {number}", f"voter {tps} {number}".encode())
        for tps, count in rolls
        for number in range(count)
    ]
    return {
        "about": "SPEC §6.5, §6.6: tree heads of RFC 6962 over leaf inputs (hex); the digests of areas from rolls of leaf inputs in order",
        "trees": [tree(count) for count in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17)],
        "of_one_leaf": [{"note": "an empty leaf", "inputs": [""], "head": pen.tree_head([b""]).hex()}],
        "order_matters": {"inputs": [b"b".hex(), b"a".hex()], "head": pen.tree_head([b"b", b"a"]).hex()},
        "areas": {
            "rolls": {place(tps): [leaf.hex() for code, _, leaf in leaves if code == place(tps)] for tps, _ in rolls},
            "digests": pen.area_digests(leaves),
        },
    }  # fmt: skip


def signatures() -> dict[str, Any]:
    hash_ = pen.hash_of(b"the last event")
    cases = []
    for phone in ("kpu", "sari"):
        key, device = key_of(phone), device_of(phone)
        good = key.sign(head_message(pen.ELECTION, device, 7, hash_))
        base = {
            "algorithm": key.algorithm,
            "public_key": key.public.hex(),
            "election": pen.ELECTION,
            "device": device,
            "seq": 7,
            "hash": hash_,
        }
        cases += [
            {"note": "right", **base, "signature": pen.base64url(good), "valid": True},
            {"note": "of another seq", **base, "seq": 8, "signature": pen.base64url(good), "valid": False},
            {
                "note": "of another election",
                **base,
                "election": "pemilu-2029",
                "signature": pen.base64url(good),
                "valid": False,
            },
            {
                "note": "of another hash",
                **base,
                "hash": pen.FIRST_PREV,
                "signature": pen.base64url(good),
                "valid": False,
            },
            {
                "note": "of another device",
                **base,
                "device": device_of("budi"),
                "signature": pen.base64url(good),
                "valid": False,
            },
            {
                "note": "by another key",
                **base,
                "signature": pen.base64url(keys.ed25519("budi").sign(head_message(pen.ELECTION, device, 7, hash_))),
                "valid": False,
            },
            {
                "note": "without the last line break",
                **base,
                "signature": pen.base64url(key.sign(head_message(pen.ELECTION, device, 7, hash_)[:-1])),
                "valid": False,
            },
            {
                "note": "of the event hash alone",
                **base,
                "signature": pen.base64url(key.sign(pen.sha256(b"the last event"))),
                "valid": False,
            },
            {
                "note": "one bit flipped",
                **base,
                "signature": pen.base64url(bytes([good[0] ^ 1]) + good[1:]),
                "valid": False,
            },
            {"note": "cut", **base, "signature": pen.base64url(good[:-1]), "valid": False},
            {"note": "empty", **base, "signature": "", "valid": False},
        ]
    return {
        "about": "SPEC §7.2: head signatures. The message is `ecoklit-head-v1`, election, device, seq, hash, each with a line break after it",
        "message_example": head_message(pen.ELECTION, device_of("kpu"), 7, hash_).decode(),
        "cases": cases,
    }  # fmt: skip


def head_message(election: str, device: str, seq: int, event_hash: str) -> bytes:
    return f"ecoklit-head-v1\n{election}\n{device}\n{seq}\n{event_hash}\n".encode()


def registry_message(election: str, regency: str, device: str, seq: int, registry_hash: str) -> bytes:
    return f"ecoklit-registry-v1\n{election}\n{regency}\n{device}\n{seq}\n{registry_hash}\n".encode()


def receipt_message(receipt_hash: str) -> bytes:
    return f"ecoklit-receipt-v1\n{receipt_hash}\n".encode()
