"""A slow, obvious reference of the event contract, sections 1 to 6.

It was written from the contract's text alone, without sight of the core, and stays that way: two programs
that were made apart and agree byte for byte on tens of thousands of hostile histories are worth more than one
that was made twice as carefully. So it shares nothing with `ecoklit`, uses plain dicts and the standard
library, follows the text clause by clause, and prefers the quadratic sentence to the clever one.

    outcome = fold(lines)            lines: wire lines as bytes, no newline
    outcome.states                   the state lines of section 6, sorted by regency then voter
    outcome.digests                  code -> hex
    outcome.names                    one per line: the stable name of what is wrong with it, "parked", or None
    outcome.standings                event hash (hex) -> "counted", "parked" or a name

Where the text leaves a choice, a comment says `Choice:` and what was chosen.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

# ----------------------------------------------------------------------------------------------------------
# §1 Canonical bytes

WHOLE_MAX = 2**53 - 1
NESTING_MAX = 16
LINE_BYTES_MAX = 16 * 1024


class Malformed(Exception):
    """§1: what is no event at all, and is not held."""


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Malformed("a key twice")
    return dict(pairs)


def _no_number(text: str) -> Any:
    raise Malformed(f"not an integer: {text}")


def canonical(value: Any) -> bytes:
    """RFC 8785 of a value whose numbers are integers (§1)."""
    return _canonical(value).encode("utf-8")  # a lone surrogate fails here


def _canonical(value: Any) -> str:
    if isinstance(value, dict):
        # RFC 8785 §3.2.3: keys are sorted by their UTF-16 code units.
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(_canonical(key) + ":" + _canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_canonical(item) for item in value) + "]"
    if whole(value) and abs(value) > WHOLE_MAX:
        raise Malformed("a number beyond 2^53 - 1")
    return json.dumps(value, ensure_ascii=False)


def parse(data: bytes) -> Any:
    """The value of canonical bytes; Malformed when they are not canonical."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_no_twice,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
        again = canonical(value)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error
    if again != data:
        raise Malformed("not RFC 8785")
    return value


def nesting(value: Any) -> int:
    """How many objects and arrays are inside each other."""
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(nesting, value.values() if isinstance(value, dict) else value), default=0)


def whole(value: Any) -> bool:
    return type(value) is int


# ----------------------------------------------------------------------------------------------------------
# §1 Words and codes

WORD = r"[a-z0-9_-]{1,32}"
DEVICE = r"[a-z2-7]{16}"
HASH = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"  # 32 bytes; unused bits are zero
HALF_HASH = r"[A-Za-z0-9_-]{21}[AQgw]"  # 16 bytes
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
PROVINCE = r"(?:1[1-9]|[2-9][0-9])"  # §6: provinces are 11 to 99. Choice: a code outside them is no code.
TPS = PROVINCE + r"[0-9]{11}"
AREA = PROVINCE + r"(?:[0-9]{2}|[0-9]{4}|[0-9]{8})?"
HOUR_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
AT = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{HOUR_MINUTE}:[0-5][0-9](?:Z|[+-]{HOUR_MINUTE})"
# Choice: no leap second (…:60), years 0001 to 9999.

TYPES = ("listed", "new", "found", "moved", "deceased", "disqualified", "not_met", "reopened", "ruled")
ROLES = ("pantarlih", "pps", "ppk", "kpu")
HOWS = ("document", "video_call", "family", "in_person")  # §5, weakest first
DOCUMENTS = ("ktp_el", "ikd", "family_card", "biodata")
REASONS = ("duplicate", "underage", "foreign", "military", "police", "revoked", "unknown", "entry_error")
VERDICTS = ("confirmed", "unvisited", "moved_away", "deceased", "disqualified")
FIELDS = (
    "address", "birth_date", "birth_place", "disability", "ektp", "marital",
    "name", "nik", "nkk", "rt", "rw", "sex",
)  # fmt: skip
FIELD_WORDS = {
    "marital": ("B", "S", "P"),
    "sex": ("L", "P"),
    "disability": ("physical", "intellectual", "mental", "speech", "hearing", "visual"),
    "ektp": ("S", "B"),
}

# §2, the table of evidence: what is accepted, weakest first; what is known, but never enough alone.
POLICY_2024_1 = {
    "accepted": {
        "deceased": ["village_letter", "civil_registry", "death_certificate"],
        "moved_away": ["village_letter", "family_card", "ktp_el", "civil_registry", "transfer_letter"],
        "underage": ["family_card", "birth_certificate"],
        "military": ["service_card", "service_letter"],
        "police": ["service_card", "service_letter"],
        "foreign": ["passport", "immigration_letter"],
        "revoked": ["court_ruling"],
        "duplicate": [],
        "unknown": [],
        "entry_error": [],
    },
    "known": {"deceased": ["family_statement", "grave_photo"], "moved_away": ["family_statement"]},
}
POLICIES = {"2024-1": POLICY_2024_1}


def is_text(value: Any, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def is_date(value: Any) -> bool:
    if not is_text(value, r"[0-9]{4}-[0-9]{2}-[0-9]{2}"):
        return False
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_at(value: Any) -> bool:
    return is_text(value, AT) and is_date(value[:10])


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def regency(tps: str) -> str:
    return tps[:4]


def birth_id(event: dict[str, Any]) -> str:
    """§1 `voter`: the id that a birth by this event has."""
    text = f"ecoklit-voter-v1\n{event['election']}\n{event['device']}\n{event['seq']}\n{event['person']}\n"
    raw = bytearray(hashlib.sha256(text.encode()).digest()[:16])
    raw[6] = 0x80 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    hexed = raw.hex()
    return "-".join((hexed[:8], hexed[8:12], hexed[12:16], hexed[16:20], hexed[20:]))


# ----------------------------------------------------------------------------------------------------------
# §1 Reading a line


def read(line: bytes) -> tuple[dict[str, Any], Any]:
    """(event, person or ABSENT). Raises Malformed."""
    # Choice: a line that is too long is malformed in a fold; the newline is not counted.
    if len(line) > LINE_BYTES_MAX:
        raise Malformed("too long")
    wire = parse(line)
    # Choice: an envelope with anything else in it is malformed, not bad_event.
    if not isinstance(wire, dict) or set(wire) not in ({"event"}, {"event", "person"}):
        raise Malformed("not an envelope")
    # Choice: event and person nest at most 16 deep, or the stack of whoever reads would decide what is malformed.
    if max(nesting(part) for part in wire.values()) > NESTING_MAX:
        raise Malformed("too deep")
    event = wire["event"]
    if not isinstance(event, dict):
        raise Malformed("no event")
    # "an event without a well-formed device, seq, prev, voter, tps and clock"
    if not is_text(event.get("device"), DEVICE):
        raise Malformed("device")
    if not whole(event.get("seq")) or event["seq"] < 1:
        raise Malformed("seq")
    if not is_text(event.get("prev"), HASH):
        raise Malformed("prev")
    if not is_text(event.get("voter"), UUID):
        raise Malformed("voter")
    if not is_text(event.get("tps"), TPS):
        raise Malformed("tps")
    clock = event.get("clock")
    # Choice: a clock is well-formed when it is an object of integers; what else §3 wants of it is bad_clock.
    if not isinstance(clock, dict) or not all(whole(value) for value in clock.values()):
        raise Malformed("clock")
    return event, wire.get("person", ABSENT)


ABSENT = object()

# ----------------------------------------------------------------------------------------------------------
# §1 and §2: bad_event


def bad_event(event: dict[str, Any], policies: dict[str, Any]) -> bool:
    return not (_common_is_good(event) and _own_is_good(event, policies))


COMMON = (
    "v", "election", "policy", "device", "seq", "prev", "type",
    "voter", "clock", "tps", "officer", "role", "at",
)  # fmt: skip
COMMON_OPTIONAL = ("saw", "visited", "entry", "person")
OWN = {
    "listed": (("source", "person"), ()),
    "new": (("how", "document", "person"), ()),
    "found": (("how",), ("changed",)),
    "moved": ((), ("to", "to_area", "evidence")),
    "deceased": ((), ("evidence",)),
    "disqualified": (("reason",), ("evidence", "duplicate_of")),
    "not_met": (("why", "nth"), ()),
    "reopened": ((), ("to", "changed")),
    # Choice: §5 speaks of "a ruling without evidence", but §2's table gives a ruling none; the table wins.
    "ruled": ((), ("verdict", "reason", "duplicate_of", "to", "changed")),
}


def _common_is_good(event: dict[str, Any]) -> bool:
    if not isinstance(event.get("type"), str) or event["type"] not in TYPES:
        return False
    required, optional = OWN[event["type"]]
    if not all(name in event for name in (*COMMON, *required)):
        return False
    if not all(name in (*COMMON, *COMMON_OPTIONAL, *required, *optional) for name in event):
        return False
    return (
        whole(event["v"])
        and event["v"] == 1
        and is_text(event["election"], WORD)
        and is_text(event["policy"], WORD)
        and is_text(event["officer"], WORD)
        and event["role"] in ROLES
        and is_at(event["at"])
        and ("visited" not in event or is_date(event["visited"]))
        and ("entry" not in event or event["entry"] in ("phone", "paper"))
        and ("person" not in event or is_text(event["person"], HASH))
        # Choice: a `saw` that is no list of half hashes is bad_event, one with too many or few bad_clock.
        and ("saw" not in event or _is_list(event["saw"], HALF_HASH))
    )


def _is_list(value: Any, pattern: str) -> bool:
    return isinstance(value, list) and all(is_text(item, pattern) for item in value)


def _own_is_good(event: dict[str, Any], policies: dict[str, Any]) -> bool:
    kind, has = event["type"], event.__contains__
    here = regency(event["tps"])
    if kind == "listed" and not (is_text(event["source"], WORD) and event["role"] == "kpu"):
        return False
    if has("how") and event["how"] not in HOWS:
        return False
    # Choice (decided): a `new` whose voter id is not its own is bad_event.
    if kind == "new" and not (event["document"] in DOCUMENTS and event["voter"] == birth_id(event)):
        return False
    if has("changed"):
        changed = event["changed"]
        if not _is_list(changed, "|".join(FIELDS)) or not changed or changed != sorted(set(changed)):
            return False
        if not has("person"):  # Choice (decided): `changed` needs a person that holds the changes.
            return False
    if has("to") and not (is_text(event["to"], TPS) and regency(event["to"]) == here):
        return False
    if has("to_area") and not is_text(event["to_area"], AREA):
        return False
    if has("to_area") and (event["to_area"].startswith(here) or here.startswith(event["to_area"])):
        return False
    if kind == "moved" and has("to") == has("to_area"):
        return False
    if has("evidence") and not _evidence_is_known(event, policies):
        return False
    if has("reason") and event["reason"] not in REASONS:
        return False
    # Choice: `duplicate_of` goes with the reason duplicate and with nothing else.
    if has("duplicate_of") != (has("reason") and event["reason"] == "duplicate"):
        return False
    # "the smaller id: it is always the larger id that is struck"
    if has("duplicate_of") and not (is_text(event["duplicate_of"], UUID) and event["duplicate_of"] < event["voter"]):
        return False
    if kind == "not_met":
        return event["why"] in ("absent", "refused", "unreachable") and whole(event["nth"]) and 1 <= event["nth"] <= 99
    if kind == "ruled":
        if event["role"] not in ("pps", "ppk", "kpu"):
            return False
        if not (has("verdict") or has("to") or has("changed")):
            return False
        if has("verdict") and event["verdict"] not in VERDICTS:
            return False
        if has("reason") != (event.get("verdict") == "disqualified"):
            return False
    return True


def _evidence_is_known(event: dict[str, Any], policies: dict[str, Any]) -> bool:
    """§2: "Evidence that is no word of any row is bad_event; a word of another row … merely not accepted"."""
    if not is_text(event["evidence"], WORD):
        return False
    # Choice: the rows are those of the policy it is judged under; under an unknown policy any word will do.
    if event["policy"] not in policies:
        return True
    policy = policies[event["policy"]]
    rows = [*policy["accepted"].values(), *policy["known"].values()]
    return any(event["evidence"] in row for row in rows)


# ----------------------------------------------------------------------------------------------------------
# §1 and §2: bad_person


def bad_person(event: dict[str, Any], person: Any) -> bool:
    """Whether this copy's person is not the one the (good) event commits to, or does not fit it."""
    if "person" not in event:
        return True
    if hashlib.sha256(canonical(person)).digest() != base64.urlsafe_b64decode(event["person"] + "="):
        return True
    if not isinstance(person, dict) or not is_text(person.get("salt"), HALF_HASH):
        return True
    # Choice: `record` goes with listed and new, `changes` with `changed`, `death_date` with deceased; note
    # and visit with every type; any other key does not fit.
    wanted = {"salt"}
    if event["type"] in ("listed", "new"):
        wanted |= {"record"}
    if "changed" in event:
        wanted |= {"changes"}
    allowed = wanted | {"note", "visit"} | ({"death_date"} if event["type"] == "deceased" else set())
    if not wanted <= set(person) <= allowed:
        return True
    if "record" in person and not _fields_fit(person["record"], list(FIELDS)):
        return True
    if "changes" in person and not _fields_fit(person["changes"], event["changed"]):
        return True
    if "note" in person and not isinstance(person["note"], str):
        return True
    if "death_date" in person and not is_date(person["death_date"]):
        return True
    return "visit" in person and not _visit_fits(person["visit"])


def _fields_fit(values: Any, keys: list[str]) -> bool:
    return isinstance(values, dict) and sorted(values) == keys and all(_field_fits(key, values[key]) for key in keys)


def _field_fits(key: str, value: Any) -> bool:
    # Choice (decided): the closed words of a record are closed here too.
    return value is None or (isinstance(value, str) and (key not in FIELD_WORDS or value in FIELD_WORDS[key]))


def _visit_fits(visit: Any) -> bool:
    # Choice: every part of a visit is optional; sticker and slip are true or false; a place has all three of
    # its numbers, on this earth.
    if not isinstance(visit, dict) or not set(visit) <= {"place", "photos", "sticker", "slip"}:
        return False
    if not all(isinstance(visit[name], bool) for name in ("sticker", "slip") if name in visit):
        return False
    if "photos" in visit and not _is_list(visit["photos"], HASH):
        return False
    if "place" not in visit:
        return True
    place = visit["place"]
    return (
        isinstance(place, dict)
        and set(place) == {"lat_e6", "lon_e6", "accuracy_m"}
        and all(whole(value) for value in place.values())
        and abs(place["lat_e6"]) <= 90_000_000
        and abs(place["lon_e6"]) <= 180_000_000
        and place["accuracy_m"] >= 0
    )


# ----------------------------------------------------------------------------------------------------------
# What is held: hash -> {"hash", "event", "person"}, one for each different event


Held = dict[str, Any]


def about(held: Held) -> tuple[str, str]:
    return regency(held["event"]["tps"]), held["event"]["voter"]


def dot(held: Held) -> tuple[str, int]:
    return held["event"]["device"], held["event"]["seq"]


def clock(held: Held) -> dict[str, int]:
    return held["event"]["clock"]


# ----------------------------------------------------------------------------------------------------------
# §3 Vector clocks


def covers(f: Held, e: Held) -> bool:
    """f covers e: at least e's entry everywhere, and not the same clock."""
    return at_least(clock(f), clock(e)) and clock(f) != clock(e)


def at_least(clock_f: dict[str, int], clock_e: dict[str, int]) -> bool:
    return all(clock_f.get(device, 0) >= seq for device, seq in clock_e.items())


def bad_clock_alone(event: dict[str, Any]) -> bool:
    """The faults of a clock that show in the event itself."""
    own, others = event["clock"].get(event["device"]), [d for d in event["clock"] if d != event["device"]]
    saw = event.get("saw")
    return (
        own != event["seq"]
        or (saw is not None if not others else saw is None or len(saw) != len(others))
        or (event["type"] == "new" and bool(others))
        or not all(is_text(device, DEVICE) for device in event["clock"])
        or not all(seq >= 1 for seq in event["clock"].values())
        or len(event["clock"]) > 64
    )


def bad_clocks(held: list[Held], bad_events: set[str]) -> set[str]:
    """The hashes of all that are bad_clock; `held` is everything about one (regency, voter) by one device."""
    bad: set[str] = set()
    for e in sorted(held, key=lambda h: h["event"]["seq"]):
        earlier = [h for h in held if h["event"]["seq"] < e["event"]["seq"]]
        # Choice (decided): seqs are counted, not events, and every held event counts, bad ones too.
        hundredth = len({h["event"]["seq"] for h in earlier}) >= 99
        # Choice (decided): forks among the earlier ones are obeyed as well.
        good = [h for h in earlier if h["hash"] not in bad_events and h["hash"] not in bad]
        falls = not all(at_least(clock(e), clock(h)) for h in good)
        if e["hash"] not in bad_events and (bad_clock_alone(e["event"]) or hundredth or falls):
            bad.add(e["hash"])
    return bad


def causes(e: Held) -> list[tuple[tuple[str, int], str]]:
    """The other dots that the clock names, each with its entry in saw, in order of device."""
    named = sorted((d, n) for d, n in clock(e).items() if d != e["event"]["device"])
    return list(zip(named, e["event"].get("saw", []), strict=True))


# ----------------------------------------------------------------------------------------------------------
# §2 and §4 Registers and levels


def level(e: Held) -> int:
    if e["event"]["type"] == "listed":
        return 0
    if e["event"]["type"] != "ruled":
        return 1
    return {"pps": 2, "ppk": 3, "kpu": 4}[e["event"]["role"]]


Verdict = tuple[str, str | None]


def writes(e: Held, policies: dict[str, Any]) -> dict[str, Any]:
    """register -> value. A verdict is (word, reason or None); a field is None while its person is absent."""
    event = e["event"]
    kind = event["type"]
    person = e["person"] or {}
    out: dict[str, Any] = {}
    if kind in ("listed", "new"):
        out["verdict"] = ("unvisited" if kind == "listed" else "confirmed", None)
        out["tps"] = event["tps"]
        out |= {field: person.get("record", {}).get(field) for field in FIELDS}
        if kind == "new":
            out["proposal"] = "-"
    elif kind == "found":
        out |= {"verdict": ("confirmed", None), "proposal": "-", "tps": event["tps"]}
    elif kind == "moved":
        same_village = "to" in event and event["to"][:10] == event["tps"][:10]
        if same_village or ("to" in event and _strength(event, "moved_away", policies) >= 0):
            out |= {"verdict": ("unvisited", None), "proposal": "-", "tps": event["to"]}
        else:
            out |= _removal(event, ("moved_away", None), policies)
    elif kind == "deceased":
        out |= _removal(event, ("deceased", None), policies)
    elif kind == "disqualified":
        out |= _removal(event, ("disqualified", event["reason"]), policies)
    elif kind == "reopened":
        out |= {"verdict": ("unvisited", None), "proposal": "-"}
    elif kind == "ruled" and "verdict" in event:
        out |= {"verdict": (event["verdict"], event.get("reason")), "proposal": "-"}
    if kind in ("reopened", "ruled") and "to" in event:
        out["tps"] = event["to"]
    if "changed" in event:
        out |= {field: person.get("changes", {}).get(field) for field in event["changed"]}
    return out


def _removal(event: dict[str, Any], verdict: Verdict, policies: dict[str, Any]) -> dict[str, Any]:
    word, reason = verdict
    if _strength(event, reason or word, policies) >= 0:
        return {"verdict": verdict, "proposal": "-"}
    return {"proposal": word if reason is None else f"{word}/{reason}"}


def _strength(event: dict[str, Any], removal: str, policies: dict[str, Any]) -> int:
    """The evidence's place in the removal's row of the event's policy, weakest 0; -1 when not accepted."""
    row = policies[event["policy"]]["accepted"].get(removal, [])
    return row.index(event["evidence"]) if event.get("evidence") in row else -1


def supersedes(f: Held, e: Held) -> bool:
    """§4, for two events that write the same register of the same (regency, voter)."""
    return covers(f, e) and level(f) >= level(e)


def is_birth(e: Held) -> bool:
    event = e["event"]
    return event["type"] == "new" or (event["type"] == "listed" and event["voter"] == birth_id(event))


def area(event: dict[str, Any]) -> str:
    """§3, rule 4: the event's area, as the beginning of the codes that lie in it."""
    return event["tps"][: {"pantarlih": 10, "pps": 10, "ppk": 6, "kpu": 4}[event["role"]]]


# ----------------------------------------------------------------------------------------------------------
# §3 What counts


def standings(held: dict[str, Held], policies: dict[str, Any]) -> dict[str, str]:
    """event hash -> "counted", "parked" or the name of what is wrong."""
    everything = [held[key] for key in sorted(held)]
    bad_events = {h["hash"] for h in everything if bad_event(h["event"], policies)}
    bad: set[str] = set()
    for key in sorted({(about(h), h["event"]["device"]) for h in everything}):
        bad |= bad_clocks([h for h in everything if (about(h), h["event"]["device"]) == key], bad_events)

    out: dict[str, str] = {}
    waiting: list[Held] = []
    for e in everything:
        if e["hash"] in bad_events:
            out[e["hash"]] = "bad_event"
        elif e["hash"] in bad:
            out[e["hash"]] = "bad_clock"
        elif e["event"]["policy"] not in policies:
            out[e["hash"]] = "unknown_policy"
        else:
            waiting.append(e)
    # Covering is a strict partial order, and who covers has the greater sum: what e covers comes before e.
    for e in sorted(waiting, key=lambda h: sum(clock(h).values())):
        out[e["hash"]] = _standing(e, everything, out, policies)
    return out


def _standing(e: Held, everything: list[Held], out: dict[str, str], policies: dict[str, Any]) -> str:
    at_dot = lambda name: [h for h in everything if dot(h) == name]  # noqa: E731
    forked = len(at_dot(dot(e))) > 1
    # Rule 2. Choice (decided): a forked event waits for nothing, for nothing can release it.
    if not all(at_dot(name) for name, _ in causes(e)):
        return "equivocation" if forked else "parked"
    # Rule 3.
    for name, entry in causes(e):
        if not any(about(h) == about(e) and base64url(bytes.fromhex(h["hash"])[:16]) == entry for h in at_dot(name)):
            return "wrong_cause"
    # Rule 4.
    covered = [
        h
        for h in everything
        if about(h) == about(e) and out.get(h["hash"]) == "counted" and covers(e, h) and "tps" in writes(h, policies)
    ]
    standing = [h for h in covered if not any(supersedes(other, h) for other in covered)]
    on_roll = any(writes(h, policies)["tps"].startswith(area(e["event"])) for h in standing)
    if not (is_birth(e) or on_roll):
        return "not_on_roll"
    undone = e["event"].get("to") if e["event"]["type"] == "reopened" else None
    if undone is not None and not any(writes(h, policies)["tps"] == undone for h in covered):
        return "not_on_roll"
    # Rule 5.
    return "equivocation" if forked else "counted"


# ----------------------------------------------------------------------------------------------------------
# §4 and §5 Reading a voter


def alive_writes(counted: list[Held], register: str, policies: dict[str, Any]) -> list[Held]:
    writers = [h for h in counted if register in writes(h, policies)]
    return [e for e in writers if not any(supersedes(f, e) for f in writers)]


def weight(e: Held, verdict: Verdict) -> int:
    event = e["event"]
    if event["type"] == "ruled":
        if verdict == ("disqualified", "duplicate"):
            return 5
        return 4 if verdict[0] == "confirmed" else 3
    if event["type"] == "new":
        return 4
    if event["type"] == "found" and event["how"] in ("in_person", "family", "video_call"):
        return 4
    if event["type"] == "listed":
        return 0
    return 2 if verdict[0] in ("confirmed", "unvisited") else 1


def how_strength(e: Held) -> int:
    return HOWS.index(e["event"]["how"]) if "how" in e["event"] else -1


def evidence_strength(e: Held, verdict: Verdict, policies: dict[str, Any]) -> int:
    if verdict[0] in ("confirmed", "unvisited"):
        return -1
    return _strength(e["event"], verdict[1] or verdict[0], policies)


def greatest(alive: list[Held], register: str, policies: dict[str, Any]) -> Held:
    """§5: the greatest alive write; of alive rulings only those of the highest level take part."""
    highest = max(level(e) for e in alive)
    part = [e for e in alive if e["event"]["type"] != "ruled" or level(e) == highest]
    if register == "verdict":
        return max(
            part,
            key=lambda e: (
                weight(e, writes(e, policies)["verdict"]),
                level(e),
                evidence_strength(e, writes(e, policies)["verdict"], policies),
                how_strength(e),
                dot(e),
            ),
        )
    return max(part, key=lambda e: (level(e), how_strength(e), dot(e)))


def opinion(verdict: Verdict) -> Verdict:
    return ("stays", None) if verdict[0] in ("confirmed", "unvisited") else verdict


def state(where: str, voter: str, counted: list[Held], policies: dict[str, Any]) -> dict[str, Any]:
    """§6, as a dict, of one voter's counted events (at least one)."""
    value = lambda e, register: writes(e, policies)[register]  # noqa: E731
    alive = {
        register: alive_writes(counted, register, policies) for register in ("verdict", "tps", "proposal", *FIELDS)
    }

    verdict, reason = value(greatest(alive["verdict"], "verdict", policies), "verdict")
    conflicts = []
    if len({value(e, "tps") for e in alive["tps"]}) > 1:
        conflicts.append("tps")
    if len({opinion(value(e, "verdict")) for e in alive["verdict"]}) > 1:
        conflicts.append("verdict")

    attempts = []  # each device's last counted not_met
    for device in sorted({e["event"]["device"] for e in counted}):
        missed = [e for e in counted if e["event"]["device"] == device and e["event"]["type"] == "not_met"]
        attempts += [max(missed, key=dot)] if missed else []

    joined: dict[str, int] = {}
    for e in counted:
        for device, seq in clock(e).items():
            joined[device] = max(joined.get(device, 0), seq)

    decision = {
        "alive": [f"{d}:{n}" for d, n in sorted({dot(e) for some in (*alive.values(), attempts) for e in some})],
        "attempts": sum(e["event"]["nth"] for e in attempts),
        "clock": joined,
        "conflicts": conflicts,
        "on_list": verdict in ("confirmed", "unvisited"),
        "proposed": sorted({value(e, "proposal") for e in alive["proposal"]} - {"-"}),
        "reason": reason,
        "regency": where,
        "tps": value(greatest(alive["tps"], "tps", policies), "tps"),
        "verdict": verdict,
        "voter": voter,
    }
    persons = [e["person"] for field in FIELDS for e in alive[field]]
    record = None
    if all(person is not None for person in persons):
        record = {
            "conflicts": [field for field in FIELDS if len({value(e, field) for e in alive[field]}) > 1],
            "fields": {field: value(greatest(alive[field], field, policies), field) for field in FIELDS},
            "salts": sorted({person["salt"] for person in persons}),
        }
    return {"decision": decision, "record": record}


# ----------------------------------------------------------------------------------------------------------
# §6 Digests


def tree_head(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1 of at least one leaf."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + tree_head(leaves[:split]) + tree_head(leaves[split:])).digest()


def digests(states: list[dict[str, Any]]) -> dict[str, str]:
    rolls: dict[str, list[dict[str, Any]]] = {}
    for one in states:
        rolls.setdefault(one["decision"]["tps"], []).append(one["decision"])
    heads = {
        tps: tree_head([canonical(d) for d in sorted(roll, key=lambda d: d["voter"])]) for tps, roll in rolls.items()
    }
    children = dict(heads)
    for length in (10, 6, 4, 2, 0):
        parents: dict[str, list[str]] = {}
        for code in sorted(children):
            parents.setdefault(code[:length] or "00", []).append(code)
        children = {
            parent: tree_head([code.encode() + children[code] for code in codes]) for parent, codes in parents.items()
        }
        heads |= children
    return {code: heads[code].hex() for code in sorted(heads)}


# ----------------------------------------------------------------------------------------------------------
# The fold


@dataclass(frozen=True)
class Outcome:
    states: list[bytes]
    digests: dict[str, str]
    names: list[str | None]
    standings: dict[str, str]
    person_missing: frozenset[str]  # hashes of counted events whose person is absent


def hold(lines: list[bytes], policies: dict[str, Any]) -> tuple[dict[str, Held], list[tuple[str | None, bool]]]:
    """What is held after these lines; and of each line (event hash or None: malformed, a bad person?)."""
    held: dict[str, Held] = {}
    seen: list[tuple[str | None, bool]] = []
    for line in lines:
        try:
            event, person = read(line)
        except Malformed:
            seen.append((None, False))
            continue
        key = hashlib.sha256(canonical(event)).hexdigest()
        one = held.setdefault(key, {"hash": key, "event": event, "person": None})
        # Choice: a bad_event is never asked about its person: there is no telling what would fit it.
        asked = person is not ABSENT and not bad_event(event, policies)
        wrong = asked and bad_person(event, person)
        if asked and not wrong:
            one["person"] = person  # "a copy with the right person completes one without"
        seen.append((key, wrong))
    return held, seen


def fold(lines: list[bytes], policies: dict[str, Any] = POLICIES) -> Outcome:
    held, seen = hold(lines, policies)
    standing = standings(held, policies)
    states = []
    for where, voter in sorted({about(h) for h in held.values()}):
        counted = [h for h in held.values() if about(h) == (where, voter) and standing[h["hash"]] == "counted"]
        if counted:
            states.append(state(where, voter, counted, policies))
    return Outcome(
        states=[canonical(one) for one in states],
        digests=digests(states) if states else {},
        names=[_name(key, wrong, standing) for key, wrong in seen],
        standings=standing,
        person_missing=frozenset(
            h["hash"]
            for h in held.values()
            if standing[h["hash"]] == "counted" and "person" in h["event"] and h["person"] is None
        ),
    )


def _name(key: str | None, wrong: bool, standing: dict[str, str]) -> str | None:
    if key is None:
        return "malformed"
    # Choice: a line has one name: what is wrong with the event, or else with this copy's person.
    if standing[key] in ("counted", "parked"):
        return "bad_person" if wrong else None if standing[key] == "counted" else "parked"
    return standing[key]
