# ruff: noqa: E501 - these are tables: a row stays on its line
"""Tables about one event by itself: SPEC §1.5 to §1.10, §2, §3.9. Each wrong one differs from a right one in what its note says."""

from __future__ import annotations

from functools import cache
from typing import Any

from ecoklit.testing.vectors import pen
from ecoklit.testing.vectors.story import Author, Line, device_of, place

_GOOD = """
    listed        kpu    listed        tps=A1
    listed_full   kpu    listed        tps=A1  disability=visual  ektp=B  marital=P  sex=L  nik=-  note=seen  source=dpshp_1-2
    relisted      kpu    listed        tps=A2  of=listed
    new           budi   new           tps=A1  how=video_call  document=ikd
    found         budi   found         how=in_person  after=listed  entry=paper  visited=2024-02-29
    corrected     budi   found         how=document  name=Maria  rt=-
    moved         sari   moved         to=A2  after=listed
    moved_far     sari   moved         to=C1  evidence=ktp_el
    moved_away    sari   moved         to_area=N  evidence=family_card
    moved_abroad  sari   moved         to_area=93
    deceased      sari   deceased      evidence=grave_photo  death_date=2024-06-01
    struck        sari   disqualified  reason=police  evidence=service_card
    other_row     sari   disqualified  reason=police  evidence=passport
    not_met       maria  not_met       why=refused  nth=99  after=listed
    reopened      maria  reopened      to=A1  name=Mary
    reopened_bare maria  reopened
    ruled         pps    ruled         verdict=disqualified  reason=foreign  after=listed
    ruled_place   ppk    ruled         to=B1  after=listed
    ruled_name    kpu2   ruled         name=Mary  after=listed
    utc           budi   found         how=family  at=2024-06-25T00:00:00Z
    far_east      budi   found         how=family  at=9999-12-31T23:59:59+14:00
    minus_zero    budi   found         how=family  at=0001-01-01T00:00:00-00:00
    no_policy     budi   deceased      policy=2099-1  evidence=a_word_of_2099
"""

# (base, what is wrong, the change, beyond a schema?)
_ABSENT = object()
_Change = dict[str, Any]
_BAD: tuple[tuple[str, str, _Change, bool], ...] = (
    ("found", "version 2", {"v": 2}, False),
    ("found", "a version in words", {"v": "1"}, False),
    ("found", "version true", {"v": True}, False),
    ("found", "no version", {"v": _ABSENT}, False),
    ("found", "no election", {"election": _ABSENT}, False),
    ("found", "an election that is no word", {"election": "Pilkada 2024"}, False),
    ("found", "an election of 33 characters", {"election": "e" * 33}, False),
    ("found", "no policy", {"policy": _ABSENT}, False),
    ("found", "a policy that is a number", {"policy": 2024}, False),
    ("found", "no officer", {"officer": _ABSENT}, False),
    ("found", "a name instead of an officer", {"officer": "Ibu Maria"}, False),
    ("found", "an empty officer", {"officer": ""}, False),
    ("found", "no role", {"role": _ABSENT}, False),
    ("found", "a role that is none", {"role": "bawaslu"}, False),
    ("found", "no type", {"type": _ABSENT}, False),
    ("found", "an unknown type", {"type": "married"}, False),
    ("found", "a type in capitals", {"type": "Found"}, False),
    ("found", "a type that is a number", {"type": 1}, False),
    ("found", "an unknown field", {"mood": "good"}, False),
    ("found", "a field of another type", {"nth": 1}, False),
    ("found", "a name outside of the person", {"name": "Maria"}, False),
    ("found", "null for an absent field", {"entry": None}, False),
    ("found", "null for an absent date", {"visited": None}, False),
    ("found", "null for an absent person", {"person": None}, False),
    ("found", "an entry that is no word of the list", {"entry": "tablet"}, False),
    ("found", "no time", {"at": _ABSENT}, False),
    ("found", "a time with a fraction", {"at": "2024-06-25T09:00:00.5+09:00"}, False),
    ("found", "a lower-case t", {"at": "2024-06-25t09:00:00+09:00"}, False),
    ("found", "a lower-case z", {"at": "2024-06-25T09:00:00z"}, False),
    ("found", "a blank between date and time", {"at": "2024-06-25 09:00:00+09:00"}, False),
    ("found", "a time without an offset", {"at": "2024-06-25T09:00:00"}, False),
    ("found", "a time without seconds", {"at": "2024-06-25T09:00+09:00"}, False),
    ("found", "an offset without a colon", {"at": "2024-06-25T09:00:00+0900"}, False),
    ("found", "an offset of hours only", {"at": "2024-06-25T09:00:00+09"}, False),
    ("found", "an offset of 24 hours", {"at": "2024-06-25T09:00:00+24:00"}, False),
    ("found", "hour 24", {"at": "2024-06-25T24:00:00+09:00"}, False),
    ("found", "a leap second", {"at": "2016-12-31T23:59:60Z"}, False),
    ("found", "the 30th of February", {"at": "2024-02-30T09:00:00+09:00"}, True),
    ("found", "the 29th of February of a common year", {"at": "2023-02-29T09:00:00+09:00"}, True),
    ("found", "the 29th of February 1900", {"at": "1900-02-29T09:00:00+09:00"}, True),
    ("found", "month 13", {"at": "2024-13-01T09:00:00+09:00"}, False),
    ("found", "the year 0", {"at": "0000-01-01T09:00:00+09:00"}, False),
    ("found", "a time in seconds", {"at": 1719273600}, False),
    ("found", "digits of another script", {"at": "٢٠٢٤-06-25T09:00:00+09:00"}, False),
    ("found", "a line break after the time", {"at": "2024-06-25T09:00:00Z\n"}, True),
    ("found", "a line break after a word", {"officer": "o-budi\n"}, True),
    ("found", "a visit on a day that is none", {"visited": "2023-02-29"}, True),
    ("found", "a visit with a time", {"visited": "2024-06-25T09:00:00Z"}, False),
    ("found", "no how", {"how": _ABSENT}, False),
    ("found", "a how that is none", {"how": "telepathy"}, False),
    ("found", "a saw that is no list", {"saw": "AAAAAAAAAAAAAAAAAAAAAA"}, False),
    ("found", "a saw of whole hashes", {"saw": [pen.FIRST_PREV]}, False),
    ("found", "a saw whose unused bits are not zero", {"saw": ["A" * 21 + "B"]}, False),
    ("found", "a saw of numbers", {"saw": [1]}, False),
    ("found", "a person that is no hash", {"person": "Maria"}, False),
    ("found", "a person with padding", {"person": pen.FIRST_PREV + "="}, False),
    ("corrected", "changes without a person", {"person": _ABSENT}, False),
    ("corrected", "an empty changed", {"changed": []}, False),
    ("corrected", "changed out of order", {"changed": ["rt", "name"]}, True),
    ("corrected", "a field changed twice", {"changed": ["name", "name"]}, False),
    ("corrected", "a field that is none", {"changed": ["name", "religion"]}, False),
    ("corrected", "changed as a string", {"changed": "name"}, False),
    ("deceased", "changed where none is", {"changed": ["name"]}, False),
    ("listed", "a list by a pantarlih", {"role": "pantarlih"}, False),
    ("listed", "a list by a ppk", {"role": "ppk"}, False),
    ("listed", "a list without a source", {"source": _ABSENT}, False),
    ("listed", "a source that is no word", {"source": "DP4"}, False),
    ("listed", "a list without a person", {"person": _ABSENT}, False),
    ("new", "a birth on another's voter", {"voter": "62c29d37-13c6-8e53-8bc0-bddacc3d8820"}, True),
    ("new", "a birth of another person", {"person": pen.FIRST_PREV}, True),
    ("new", "a birth without a person", {"person": _ABSENT}, False),
    ("new", "a birth without a document", {"document": _ABSENT}, False),
    ("new", "a document that is none", {"document": "ktp"}, False),
    ("new", "a birth without a how", {"how": _ABSENT}, False),
    ("moved", "both to and to_area", {"to_area": "93"}, False),
    ("moved", "neither to nor to_area", {"to": _ABSENT}, False),
    ("moved", "to another regency", {"to": place("N1")}, True),
    ("moved", "to a village", {"to": place("A")}, False),
    ("moved", "to a province that is none", {"to": "0904012001001"}, False),
    ("moved_away", "to an area inside the regency", {"to_area": place("C")}, True),
    ("moved_away", "to the regency itself", {"to_area": "9404"}, True),
    ("moved_away", "to the province that holds it", {"to_area": "94"}, True),
    ("moved_away", "to the nation", {"to_area": "00"}, False),
    ("moved_away", "to a TPS as an area", {"to_area": place("N1")}, False),
    ("moved_away", "to an area of 5 digits", {"to_area": "93010"}, False),
    ("moved", "a reason where none is", {"reason": "foreign"}, False),
    ("deceased", "evidence that is no word of any row", {"evidence": "hearsay"}, True),
    ("deceased", "evidence in plain words", {"evidence": "Surat Desa"}, False),
    ("deceased", "evidence as a list", {"evidence": ["village_letter"]}, False),
    ("no_policy", "evidence that is no word, under an unknown policy", {"evidence": "Surat Desa"}, False),
    ("struck", "no reason", {"reason": _ABSENT}, False),
    ("struck", "a reason that is none", {"reason": "mental"}, False),
    ("struck", "a bare TMS digit", {"reason": "7"}, False),
    ("struck", "a duplicate of nobody", {"reason": "duplicate"}, False),
    ("struck", "duplicate_of without the reason", {"duplicate_of": "00000000-0000-8000-8000-000000000000"}, False),
    (
        "struck",
        "a duplicate of the larger id",
        {"reason": "duplicate", "duplicate_of": "ffffffff-ffff-8fff-bfff-ffffffffffff"},
        True,
    ),
    ("struck", "a duplicate of itself", {"reason": "duplicate", "duplicate_of": "voter"}, True),
    ("struck", "a duplicate of a NIK", {"reason": "duplicate", "duplicate_of": "9109010101010001"}, False),
    ("not_met", "nth of nothing", {"nth": 0}, False),
    ("not_met", "nth 100", {"nth": 100}, False),
    ("not_met", "nth in words", {"nth": "1"}, False),
    ("not_met", "nth true", {"nth": True}, False),
    ("not_met", "no nth", {"nth": _ABSENT}, False),
    ("not_met", "no why", {"why": _ABSENT}, False),
    ("not_met", "a why that is none", {"why": "asleep"}, False),
    ("reopened", "reopened in another regency", {"to": place("N1")}, True),
    ("reopened_bare", "reopened with evidence", {"evidence": "ktp_el"}, False),
    ("ruled", "a ruling of a pantarlih", {"role": "pantarlih"}, False),
    ("ruled", "disqualified without a reason", {"reason": _ABSENT}, False),
    ("ruled", "a reason with another verdict", {"verdict": "deceased"}, False),
    ("ruled", "a verdict that is none", {"verdict": "absent", "reason": _ABSENT}, False),
    ("ruled", "a ruling with evidence", {"evidence": "passport"}, False),
    ("ruled", "a duplicate without duplicate_of", {"reason": "duplicate"}, False),
    ("ruled_place", "a ruling that names nothing", {"to": _ABSENT}, False),
    ("ruled_place", "a reason without a verdict", {"reason": "foreign"}, False),
    ("ruled_place", "a ruling beyond the regency", {"to": place("M1")}, True),
    ("ruled_name", "a ruling on a name without the person", {"person": _ABSENT}, False),
)

_MALFORMED: tuple[tuple[str, _Change], ...] = (
    ("no device", {"device": _ABSENT}),
    ("a device in capitals", {"device": "2547OHXMHYGLX6NQ"}),
    ("a device that is a subject wildcard", {"device": "*"}),
    ("a device that is a number", {"device": 1}),
    ("no seq", {"seq": _ABSENT}),
    ("seq 0", {"seq": 0}),
    ("a negative seq", {"seq": -1}),
    ("a seq in words", {"seq": "1"}),
    ("seq true", {"seq": True}),
    ("no prev", {"prev": _ABSENT}),
    ("a prev in hex", {"prev": "00" * 32}),
    ("a prev whose unused bits are not zero", {"prev": "A" * 42 + "B"}),
    ("a null prev", {"prev": None}),
    ("no voter", {"voter": _ABSENT}),
    ("a NIK as voter", {"voter": "9109010101010001"}),
    ("a voter in capitals", {"voter": "62C29D37-13C6-8E53-8BC0-BDDACC3D8820"}),
    ("a random UUID as voter", {"voter": "62c29d37-13c6-4e53-8bc0-bddacc3d8820"}),
    ("no tps", {"tps": _ABSENT}),
    ("a village as tps", {"tps": place("A")}),
    ("a tps as a number", {"tps": 9404012001001}),
    ("a tps of province 09", {"tps": "0904012001001"}),
    ("no clock", {"clock": _ABSENT}),
    ("a clock that is a list", {"clock": [1]}),
    ("a clock of strings", {"clock": {"2547ohxmhyglx6nq": "1"}}),
    ("a clock of null", {"clock": {"2547ohxmhyglx6nq": None}}),
    ("a clock of true", {"clock": {"2547ohxmhyglx6nq": True}}),
    ("an unknown type does not excuse a missing device", {"type": "married", "device": _ABSENT}),
)


@cache
def _good() -> dict[str, Line]:
    author = Author()
    for row in _GOOD.strip().splitlines():
        author.add(row.strip())
    return author.lines


def _changed(line: Line, change: _Change) -> bytes:
    event = {**line.event, **change}
    if event.get("duplicate_of") == "voter":
        event["duplicate_of"] = event["voter"]
    return pen.canonical({key: value for key, value in event.items() if value is not _ABSENT})


def _envelope(event: bytes, tail: bytes = b"") -> str:
    return (b'{"event":' + event + tail + b"}").decode()


def _nested(part: bytes, depth: int) -> bytes:
    """`part`, an object, with an unknown last member that makes it nest `depth` deep."""
    lists = b"[" * (depth - 1) + b"]" * (depth - 1)
    return part[:-1] + b',"z":' + lists + b"}"


def events() -> dict[str, Any]:
    good = _good()
    return {
        "about": "SPEC §1.5, §1.9, §1.10, §2: one line each. `valid` have no fault of their own under policy 2024-1 (clocks that fall apart);"
        " `bad_event` are held; `malformed` are not. `beyond_schema`: a schema may pass it, a reader must not",
        "valid": [{"note": f"{line.label}: {line.note}", "line": line.wire.decode()} for line in good.values()],
        "bad_event": [
            {"note": f"{base}: {note}", "line": _envelope(_changed(good[base], change)), "beyond_schema": beyond}
            for base, note, change, beyond in _BAD
        ],
        "malformed": [
            {"note": note, "line": _envelope(_changed(good["found"], change)), "beyond_schema": False} for note, change in _MALFORMED
        ],
    }  # fmt: skip


def lines() -> dict[str, Any]:
    found = _good()["corrected"]
    event, wire = found.event_bytes, found.wire
    person = pen.canonical(found.person)
    wide = {**(found.person or {}), "note": ""}
    room = 16384 - len(b'{"event":' + event + b',"person":' + pen.canonical(wide) + b"}")
    full = pen.canonical({**wide, "note": "x" * room})
    wrong = (
        ("an empty line", b""),
        ("no object", b"[]"),
        ("an empty object", b"{}"),
        ("a person without an event", b'{"person":' + person + b"}"),
        ("an event that is no object", b'{"event":1}'),
        ("a null event", b'{"event":null}'),
        ("the event alone, without its envelope", event),
        ("a third member", b'{"event":' + event + b',"person":' + person + b',"sent":1}'),
        ("a third member in front", b'{"a":1,"event":' + event + b"}"),
        ("the person first", b'{"person":' + person + b',"event":' + event + b"}"),
        ("the event twice", b'{"event":' + event + b',"event":' + event + b"}"),
        ("an escaped key", b'{"\\u0065vent":' + event + b"}"),
        ("a blank in the envelope", b'{"event": ' + event + b"}"),
        ("a blank in the event", b'{"event":' + event.replace(b'"at":', b'"at": ') + b"}"),
        ("a blank in the person", b'{"event":' + event + b',"person":' + person.replace(b":", b": ", 1) + b"}"),
        ("a blank before", b" " + wire),
        ("a blank after", wire + b" "),
        ("a line break inside", wire.replace(b",", b",\n", 1)),
        ("a carriage return after", wire + b"\r"),
        ("a byte order mark", b"\xef\xbb\xbf" + wire),
        ("cut", wire[:-1]),
        ("two lines in one", wire + wire),
        ("keys of the event out of order", b'{"event":' + event.replace(b'{"at"', b'{"z":1,"at"', 1) + b"}"),
        ("a key of the event twice", b'{"event":' + event.replace(b'{"at"', b'{"at":"","at"', 1) + b"}"),
        ("an escaped letter in the event", b'{"event":' + event.replace(b'"o-budi"', b'"\\u006f-budi"') + b"}"),
        ("a fraction in the event", b'{"event":' + event.replace(b'"v":1', b'"v":1.0') + b"}"),
        ("an exponent in the clock", b'{"event":' + event.replace(b'"seq":', b'"seq":1e') + b"}"),
        (
            "a fraction in an unknown field",
            b'{"event":' + event[:-1].replace(b'"voter"', b'"temper":0.5,"voter"') + b"}}",
        ),
        (
            "2^53 in an unknown field",
            b'{"event":' + event[:-1].replace(b'"voter"', b'"ut":9007199254740992,"voter"') + b"}}",
        ),
        ("a NIK of Papua as a number: it exceeds 2^53", b'{"event":' + event + b',"person":{"nik":9109010101010001}}'),
        ("minus zero in the person", b'{"event":' + event + b',"person":{"salt":-0}}'),
        ("a fraction in the person", b'{"event":' + event + b',"person":{"salt":1.5}}'),
        ("a key of the person twice", b'{"event":' + event + b',"person":{"salt":"a","salt":"a"}}'),
        ("a lone surrogate in the person", b'{"event":' + event + b',"person":{"note":"\\ud800"}}'),
        ("bad UTF-8 in the person", b'{"event":' + event + b',"person":{"note":"\xff"}}'),
        ("an event that nests 17 deep", _envelope(_nested(event, 17)).encode()),
        ("a person that nests 17 deep", b'{"event":' + event + b',"person":' + _nested(person, 17) + b"}"),
        ("a person that nests 7,500 deep", b'{"event":' + event + b',"person":' + b"[" * 7500 + b"]" * 7500 + b"}"),
        ("16,385 bytes", b'{"event":' + event + b',"person":' + full.replace(b'"note":"', b'"note":"x') + b"}"),
    )
    return {
        "about": "SPEC §1.1 to §1.3, §1.10: whole lines as hex; `malformed` are held by nobody. `valid` are read, whatever their person is worth",
        "valid": [
            {"note": "with its person", "hex": wire.hex()},
            {"note": "without", "hex": (b'{"event":' + event + b"}").hex()},
            {"note": "exactly 16,384 bytes (the person is a wrong one)", "hex": (b'{"event":' + event + b',"person":' + full + b"}").hex()},
            {"note": "an event that nests 16 deep (a bad one)", "hex": _envelope(_nested(event, 16)).encode().hex()},
            {
                "note": "a person that nests 16 deep (a bad one)",
                "hex": (b'{"event":' + event + b',"person":' + _nested(person, 16) + b"}").hex(),
            },
            {"note": "a null person is a bad person, not a malformed line", "hex": (b'{"event":' + event + b',"person":null}').hex()},
        ],
        "malformed": [{"note": note, "hex": raw.hex()} for note, raw in wrong],
    }  # fmt: skip


def persons() -> dict[str, Any]:
    good = _good()
    salt = pen.invented("salt")
    record = (good["listed"].person or {})["record"]
    visit = {
        "place": {"lat_e6": -4546000, "lon_e6": 136883000, "accuracy_m": 12},
        "photos": [pen.FIRST_PREV],
        "sticker": True,
        "slip": False,
    }
    right: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("listed", "a record", {"salt": salt, "record": record}),
        ("listed", "a record of nulls", {"salt": salt, "record": dict.fromkeys(record)}),
        (
            "listed",
            "unreadable dates and 15 digits are strings",
            {"salt": salt, "record": {**record, "birth_date": "31-02-1970", "nik": "910901010101000"}},
        ),
        ("corrected", "changes", {"salt": salt, "changes": {"name": "Maria", "rt": None}}),
        ("found", "a note alone", {"salt": salt, "note": "rumah biru \U0001f3e0"}),
        ("found", "a whole visit", {"salt": salt, "visit": visit}),
        ("found", "an empty visit", {"salt": salt, "visit": {}}),
        ("found", "a salt alone", {"salt": salt}),
        ("deceased", "a date of death", {"salt": salt, "death_date": "2024-02-29"}),
        ("not_met", "a note on an attempt", {"salt": salt, "note": ""}),
    )
    wrong: tuple[tuple[str, str, Any, bool], ...] = (
        ("listed", "no salt", {"record": record}, False),
        ("listed", "a short salt", {"salt": "A" * 21, "record": record}, False),
        ("listed", "a salt whose unused bits are not zero", {"salt": "A" * 21 + "B", "record": record}, False),
        ("listed", "no record", {"salt": salt}, True),
        ("listed", "eleven keys", {"salt": salt, "record": {key: record[key] for key in record if key != "rw"}}, False),
        ("listed", "thirteen keys", {"salt": salt, "record": {**record, "religion": "x"}}, False),
        ("listed", "a NIK as a number", {"salt": salt, "record": {**record, "nik": 1109010101010001}}, False),
        ("listed", "a sex that is none", {"salt": salt, "record": {**record, "sex": "X"}}, False),
        ("listed", "a lower-case sex", {"salt": salt, "record": {**record, "sex": "p"}}, False),
        ("listed", "an empty marital", {"salt": salt, "record": {**record, "marital": ""}}, False),
        ("listed", "a bare digit of disability", {"salt": salt, "record": {**record, "disability": "1"}}, False),
        ("listed", "an ektp that is none", {"salt": salt, "record": {**record, "ektp": "Y"}}, False),
        ("listed", "changes beside the record", {"salt": salt, "record": record, "changes": {"name": "x"}}, True),
        ("corrected", "a record where changes are", {"salt": salt, "record": record}, True),
        ("corrected", "no changes", {"salt": salt}, True),
        ("corrected", "a change less", {"salt": salt, "changes": {"name": "Maria"}}, True),
        ("corrected", "a change more", {"salt": salt, "changes": {"name": "Maria", "rt": None, "rw": None}}, True),
        ("corrected", "other changes", {"salt": salt, "changes": {"name": "Maria", "rw": None}}, True),
        ("found", "changes that the event does not name", {"salt": salt, "changes": {"name": "Maria"}}, True),
        ("found", "empty changes", {"salt": salt, "changes": {}}, False),
        ("found", "a date of death of the living", {"salt": salt, "death_date": "2024-02-29"}, True),
        ("deceased", "a date of death that is no day", {"salt": salt, "death_date": "2023-02-29"}, True),
        ("deceased", "a null date of death", {"salt": salt, "death_date": None}, False),
        ("found", "an unknown key", {"salt": salt, "phone": "0812"}, False),
        ("found", "a note that is a number", {"salt": salt, "note": 1}, False),
        ("found", "a null note", {"salt": salt, "note": None}, False),
        ("found", "a place without an accuracy", {"salt": salt, "visit": {"place": {"lat_e6": 0, "lon_e6": 0}}}, False),
        (
            "found",
            "a place beyond the pole",
            {"salt": salt, "visit": {"place": {"lat_e6": 90000001, "lon_e6": 0, "accuracy_m": 1}}},
            False,
        ),
        (
            "found",
            "a place beyond the date line",
            {"salt": salt, "visit": {"place": {"lat_e6": 0, "lon_e6": -180000001, "accuracy_m": 1}}},
            False,
        ),
        (
            "found",
            "a negative accuracy",
            {"salt": salt, "visit": {"place": {"lat_e6": 0, "lon_e6": 0, "accuracy_m": -1}}},
            False,
        ),
        ("found", "a photo that is no hash", {"salt": salt, "visit": {"photos": ["photo.jpg"]}}, False),
        ("found", "a sticker of 1", {"salt": salt, "visit": {"sticker": 1}}, False),
        ("found", "an unknown part of a visit", {"salt": salt, "visit": {"dog": True}}, False),
        ("found", "null", None, False),
        ("found", "a string", "Maria", False),
        ("found", "a list", [salt], False),
    )

    def line(base: str, person: Any, committed: Any) -> str:
        event = {**good[base].event, "person": pen.hash_of(pen.canonical(committed))}
        if base == "listed":
            event["voter"] = pen.birth_id(event["election"], event["device"], event["seq"], event["person"])
        return _envelope(pen.canonical(event), b',"person":' + pen.canonical(person))

    bare = {key: value for key, value in good["found"].event.items() if key != "person"}
    swapped = ({"salt": salt, "note": "b"}, {"salt": salt, "note": "a"})
    return {
        "about": "SPEC §1.7: one line each, with a good event. `bad_person` are dropped, and the event is judged as without;"
        " `beyond_schema`: a schema may pass it, a reader must not",
        "valid": [{"note": f"{base}: {note}", "line": line(base, person, person)} for base, note, person in right],
        "bad_person": [
            {"note": f"{base}: {note}", "line": line(base, person, person), "beyond_schema": beyond} for base, note, person, beyond in wrong
        ]
        + [
            {"note": "found: not the person that the event commits to", "line": line("found", *swapped), "beyond_schema": True},
            {"note": "found: the event commits to no person", "line": _envelope(pen.canonical(bare), b',"person":' + pen.canonical(swapped[0])), "beyond_schema": True},
        ],
    }  # fmt: skip


def clocks() -> dict[str, Any]:
    me = device_of("budi")
    others = [device for number in range(70) if (device := pen.device_id("ed25519", number.to_bytes(32))) != me]

    def case(note: str, clock: dict[str, int], saw: Any, kind: str = "not_met", seq: int = 3) -> dict[str, str]:
        base = _good()["not_met" if kind == "not_met" else "new"].event
        event = {**base, "device": me, "seq": seq, "clock": clock}
        event.pop("saw", None)
        if saw is not None:
            event["saw"] = [pen.invented(f"saw {number}") for number in range(saw)]
        if kind == "new":
            event["voter"] = pen.birth_id(event["election"], me, seq, event["person"])
        return {"note": note, "line": _envelope(pen.canonical(event))}

    a, b = sorted(others)[:2]
    return {
        "about": "SPEC §3.9, 1 to 6, and §3.10. `valid` and `bad_clock`: one line each, judged by itself (their causes are held by nobody:"
        " a valid one that names others is parked). `covers`: does f cover e?",
        "valid": [
            case("the own entry alone", {me: 3}, None),
            case("two others", {me: 3, a: 1, b: 9}, 2),
            case("the greatest integer", {me: 3, a: 2**53 - 1}, 1),
            case("64 entries", {me: 3, **dict.fromkeys(others[:63], 1)}, 63),
            case("a new", {me: 3}, None, "new"),
        ],
        "bad_clock": [
            case("no entry at all", {}, None),
            case("the own entry missing", {a: 1}, 1),
            case("the own entry missing, without saw", {a: 1}, None),
            case("the own entry low", {me: 2}, None),
            case("the own entry high", {me: 4}, None),
            case("the own entry 0", {me: 0}, None),
            case("saw missing", {me: 3, a: 1}, None),
            case("saw empty", {me: 3, a: 1}, 0),
            case("saw short", {me: 3, a: 1, b: 1}, 1),
            case("saw long", {me: 3, a: 1}, 2),
            case("saw for the own entry too", {me: 3, a: 1}, 2),
            case("saw without others", {me: 3}, 1),
            case("an empty saw without others", {me: 3}, 0),
            case("a new that names another", {me: 3, a: 1}, 1, "new"),
            case("a new with a saw", {me: 3}, 1, "new"),
            case("a key that is no device", {me: 3, "budi": 1}, 1),
            case("a key in capitals", {me: 3, a.upper(): 1}, 1),
            case("an empty key", {me: 3, "": 1}, 1),
            case("seq 0", {me: 3, a: 0}, 1),
            case("a negative seq", {me: 3, a: -1}, 1),
            case("65 entries", {me: 3, **dict.fromkeys(others[:64], 1)}, 64),
        ],
        "covers": [
            {"note": note, "f": f, "e": e, "covers": answer}
            for note, f, e, answer in (
                ("later, of one device", {me: 2}, {me: 1}, True),
                ("earlier", {me: 1}, {me: 2}, False),
                ("the same clock", {me: 1}, {me: 1}, False),
                ("the same clock of two", {me: 1, a: 1}, {me: 1, a: 1}, False),
                ("another device", {a: 1}, {me: 1}, False),
                ("another device that saw it", {a: 1, me: 1}, {me: 1}, True),
                ("saw a later one", {a: 1, me: 5}, {me: 1}, True),
                ("saw an earlier one", {a: 1, me: 1}, {me: 2}, False),
                ("names the dot, but knows less of a third", {a: 2, me: 1}, {me: 1, b: 1}, False),
                ("names more, and knows less of one", {a: 9, me: 9, b: 1}, {me: 1, b: 2}, False),
                ("covers without naming more", {me: 2, a: 1}, {me: 1, a: 1}, True),
                ("two that name each other", {me: 1, a: 1}, {a: 1, me: 1}, False),
            )
        ],
    }  # fmt: skip
