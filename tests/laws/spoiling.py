"""Lines that are almost right: one value, key or byte of a good line is changed; so every rule of form is tried."""

from __future__ import annotations

import copy
import hashlib
import json
from random import Random
from typing import Any

from world import GENE_BYTES, base64url, birth_id, canonical, play

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 99, 100, 2**53 - 1, 2**53, -(2**53) + 1, -(2**53), 90_000_001, 1.0, 1.5, 1e300,
    "", "-", "0", "1", "a", "A", "L", "P", "S", "B", "é", "\x00",
    "\x7f", "\u2028", "\ud7ff", "\ue000", "\U0001f600", "a" * 32,
    "a" * 33, "A" * 22, "A" * 21 + "B", "A" * 21 + "Q", "A" * 43,
    "A" * 42 + "B", "A" * 42 + "E", "A" * 44, "a" * 16, "1" * 16,
    "2024-06-24", "2024-02-29", "2023-02-29", "2024-6-24", "0000-01-01", "9999-12-31", "20240624", "2024-W26-1",
    "2024-06-24T09:00:00Z", "2024-06-24T09:00:00+00:00", "2024-06-24T09:00:00-23:59", "2024-06-24T23:59:60Z",
    "2024-06-24T09:00:00+24:00", "2024-06-24T09:00:00.0Z",
    "2024-06-24t09:00:00z", "2024-06-24T09:00Z", "２０２４-06-24",
    "pantarlih", "pps", "ppk", "kpu", "phone", "paper", "in_person", "family", "video_call", "document", "ktp_el",
    "listed", "new", "found", "moved", "deceased", "disqualified",
    "not_met", "reopened", "ruled", "absent", "confirmed",
    "unvisited", "moved_away", "duplicate", "underage", "unknown",
    "village_letter", "passport", "family_statement", "mental",
    "94", "9404", "940401", "9404012001", "9404012001001",
    "9405012001001", "0904012001001", "1104012001001", "95", "9501",
    "94040120010", "940401200100", "00", "11", "10", "99", "2024-1", "2023-9", "1955-1", "pilkada-2024",
    "00000000-0000-8000-8000-000000000000",
    "ffffffff-ffff-8fff-bfff-ffffffffffff", "00000000-0000-7000-8000-000000000000",
    "00000000-0000-8000-7000-000000000000", "FFFFFFFF-FFFF-8FFF-BFFF-FFFFFFFFFFFF",
    [], {}, [[]], [None], ["name"], ["name", "rt"],
    ["rt", "name"], ["name", "name"], ["A" * 22], ["A" * 43], {"a": 1}, {"": 0}, {"a" * 16: 1}, {"a" * 16: 2**53},
    {"lat_e6": 0, "lon_e6": 0, "accuracy_m": 0}, {"lat_e6": -90_000_000, "lon_e6": 180_000_001, "accuracy_m": 5},
    {"place": {"lat_e6": 1, "lon_e6": 1, "accuracy_m": -1}},
    {"place": {"lat_e6": 1, "lon_e6": 1, "accuracy_m": 2**53}},
    {"place": {"lat_e6": 1, "lon_e6": 1, "accuracy_m": 2}, "photos": [], "slip": True, "sticker": False},
    {"photos": ["A" * 43]},
    {"slip": None}, {"\ue000": 1, "\U0001f600": 2}, {"\U0001f600": 1},
)  # fmt: skip

KEYS = (
    "v", "election", "policy", "device", "seq", "prev", "type",
    "voter", "clock", "saw", "tps", "officer", "role", "at",
    "visited", "entry", "person", "source", "how", "document", "changed", "to", "to_area", "evidence", "reason",
    "duplicate_of", "why", "nth", "verdict", "salt", "record",
    "changes", "note", "visit", "death_date", "name", "rt", "sex",
    "place", "photos", "sticker", "slip", "event", "extra", "", "\ue000", "\U0001f600", "Type", "kind",
)  # fmt: skip


def good_line(rng: Random) -> bytes:
    """A line that some honest phone might have sent, with a visit in it now and then."""
    genes = [rng.randbytes(GENE_BYTES) for _ in range(6)]
    return rng.choice(play(genes).whole)


def spoil(line: bytes, rng: Random) -> bytes:
    """The same line with one thing in it changed (or two, or three), mostly still canonical."""
    if rng.random() < 0.25:
        return _spoil_bytes(line, rng)
    wire = json.loads(line)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _spoil_value(wire, rng)
    if rng.random() < 0.7 and isinstance(wire.get("event"), dict) and "person" in wire:
        _commit(wire)
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "surrogatepass")


def _commit(wire: dict[str, Any]) -> None:
    """Let the event commit to the person that it has now: what is wrong with it is then no longer its hash."""
    event = wire["event"]
    try:
        event["person"] = base64url(hashlib.sha256(canonical(wire["person"])).digest())
    except UnicodeEncodeError:
        return
    if event.get("type") in ("new", "listed"):
        event["voter"] = birth_id(str(event.get("device")), event.get("seq", 0), event["person"])


def _spoil_value(wire: Any, rng: Random) -> None:
    """Change, add or take away something somewhere."""
    places = list(_places(wire))
    holder = rng.choice(places)
    value = copy.deepcopy(rng.choice(VALUES))
    if isinstance(holder, list):
        if holder and rng.random() < 0.5:
            holder[rng.randrange(len(holder))] = value
        elif holder and rng.random() < 0.5:
            rng.shuffle(holder)
        else:
            holder.append(value)
    elif holder and rng.random() < 0.6:
        key = rng.choice(sorted(holder))
        if rng.random() < 0.75:
            holder[key] = value
        else:
            del holder[key]
    else:
        holder[rng.choice(KEYS)] = value


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _places(part)
    elif isinstance(value, list):
        yield value
        for part in value:
            yield from _places(part)


def _spoil_bytes(line: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(line) + 1)
    return rng.choice(
        (
            line[:at] + line[at + 1 :],
            line[:at]
            + rng.choice((b" ", b"\n", b"\x00", b"\x80", b"\xed\xa0\x80", b"\\u0061", b"\\n", b'"', b"0", b"{"))
            + line[at:],
            line[:at] + bytes([rng.randrange(256)]) + line[at + 1 :],
            line[:at],
            line[:-1],
            line.replace(b",", b", ", 1),
            line.replace(b'":"', b'": "', 1),
            line + line[:at],
        )
    )
