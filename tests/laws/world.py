"""A small world of phones that makes histories out of genes: short byte strings, one for each happening.

A gene says who does what to whom, what that phone had heard before, how it lies, and what becomes of the line
on its way. Any bytes are a history, so Hypothesis can draw and shrink them (zeros are the simplest case) and a
plain loop over random bytes can try thousands in a minute. Everything is made here, without the core: the world
must be able to say what the core would never write.

    history = play(genes)                 honest phones only, every line arrives
    history = play(genes, hostile=True)   liars, forks, ghosts, lost lines, missing and swapped persons
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

GENE_BYTES = 12
ELECTION = "pilkada-2024"
POLICIES = ("2024-1", "2024-1", "2024-1", "2023-9")
"""2023-9 is a policy of these tests: see `reference_policies` in strategies."""

# Codes that differ in the digit right after an area's own, so that an area of one digit too many is found out.
VILLAGE_A, VILLAGE_B = ("9404012001001", "9404012001002", "9404012001103"), ("9404011002001", "9404011002102")
DISTRICT_2, REGENCY_2, PROVINCE_2 = ("9404122001001",), ("9405012001001", "9405012002001"), ("9101012001001",)
REGENCY = VILLAGE_A + VILLAGE_B + DISTRICT_2
AREAS = ("9401012001", "9405", "91", "940501", "9101")

FIELDS = (
    "address", "birth_date", "birth_place", "disability", "ektp", "marital",
    "name", "nik", "nkk", "rt", "rw", "sex",
)  # fmt: skip
VALUES: dict[str, tuple[str | None, ...]] = {
    "marital": ("B", "S", "P", None),
    "sex": ("L", "P", "L", None),
    "disability": (None, "physical", "mental", "visual"),
    "ektp": ("S", "B", "S", None),
    "name": ("Ana", "Bèr\u0001na", "\U0001f600 \ue000", 'Cik "\\ Dewi'),
}
HOWS = ("in_person", "family", "video_call", "document")
DOCUMENTS = ("ktp_el", "ikd", "family_card", "biodata")
REASONS = ("duplicate", "underage", "foreign", "military", "police", "revoked", "unknown", "entry_error")
VERDICTS = ("confirmed", "unvisited", "moved_away", "deceased", "disqualified")
EVIDENCE = (
    None, "village_letter", "civil_registry", "death_certificate", "family_statement", "grave_photo", "family_card",
    "ktp_el", "transfer_letter", "birth_certificate", "service_card", "passport", "immigration_letter",
    "court_ruling", "service_letter", None,
)  # fmt: skip


class Item(NamedTuple):
    """One event that somebody made, with its right person."""

    event: dict[str, Any]
    event_bytes: bytes
    hash: bytes
    person_bytes: bytes | None

    @property
    def about(self) -> tuple[str, str]:
        return self.event["tps"][:4], self.event["voter"]

    @property
    def dot(self) -> tuple[str, int]:
        return self.event["device"], self.event["seq"]

    @property
    def mark(self) -> str:
        return base64url(self.hash[:16])

    @property
    def line(self) -> bytes:
        return wire(self.event_bytes, self.person_bytes)


@dataclass
class Phone:
    device: str
    role: str
    area: tuple[str, ...]
    seq: int = 0
    prev: str = "A" * 43
    own: list[Item] = field(default_factory=list)
    known: dict[tuple[str, str], dict[bytes, Item]] = field(default_factory=dict)

    def knows(self, about: tuple[str, str]) -> dict[bytes, Item]:
        return self.known.setdefault(about, {})


@dataclass(frozen=True)
class History:
    """What was made, in the order of making, and what arrives: wire lines, some of them twice, some not at all."""

    made: tuple[Item, ...]
    lines: tuple[bytes, ...]

    @property
    def whole(self) -> tuple[bytes, ...]:
        """Every line that was made, each once, with its right person."""
        return tuple(item.line for item in self.made)


def play(genes: Iterable[bytes], *, hostile: bool = False, mirrored: bool = False) -> History:
    """The history that these genes make; `mirrored` turns every wall clock in it about, so that late is early."""
    world = World(hostile, mirrored)
    for gene in genes:
        world.live(gene.ljust(GENE_BYTES, b"\0"))
    return History(tuple(world.made), tuple(world.lines))


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def device_id(name: str) -> str:
    digest = hashlib.sha256(b"ed25519\0" + hashlib.sha256(name.encode()).digest()).digest()
    return base64.b32encode(digest[:10]).decode().lower()


def birth_id(device: str, seq: int, person_hash: str) -> str:
    raw = bytearray(hashlib.sha256(f"ecoklit-voter-v1\n{ELECTION}\n{device}\n{seq}\n{person_hash}\n".encode()).digest())
    raw[6], raw[8] = 0x80 | (raw[6] & 0x0F), 0x80 | (raw[8] & 0x3F)
    text = raw[:16].hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def canonical(value: Any) -> bytes:
    # Every key in this world is ASCII, so sorting by code points is the canonical order.
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def wire(event_bytes: bytes, person_bytes: bytes | None) -> bytes:
    if person_bytes is None:
        return b'{"event":%b}' % event_bytes
    return b'{"event":%b,"person":%b}' % (event_bytes, person_bytes)


def item_of(event: dict[str, Any], person: dict[str, Any] | None) -> Item:
    event_bytes = canonical(event)
    person_bytes = None if person is None else canonical(person)
    return Item(event, event_bytes, hashlib.sha256(event_bytes).digest(), person_bytes)


# ---------------------------------------------------------------------------------------------------------------
# What phones write


MOVE_ACCEPTED = ("village_letter", "family_card", "ktp_el", "civil_registry", "transfer_letter")


def tps_written(event: dict[str, Any]) -> str | None:
    """The value that this event writes to tps, if it does."""
    if event["type"] in ("listed", "new", "found"):
        return str(event["tps"])
    to: str | None = event.get("to")
    if event["type"] == "moved" and to and to[:10] != event["tps"][:10]:
        return to if event.get("evidence") in MOVE_ACCEPTED else None
    return to


def level(event: dict[str, Any]) -> int:
    if event["type"] == "listed":
        return 0
    return {"pps": 2, "ppk": 3, "kpu": 4}.get(event["role"], 1) if event["type"] == "ruled" else 1


def covers(f: dict[str, int], e: dict[str, int]) -> bool:
    return f != e and all(f.get(device, 0) >= seq for device, seq in e.items())


class World:
    def __init__(self, hostile: bool, mirrored: bool = False) -> None:
        self.hostile = hostile
        self.mirrored = mirrored
        self.made: list[Item] = []
        self.nobodys: list[Item] = []
        self.lines: list[bytes] = []
        self.voters: list[tuple[str, str]] = []
        self.phones = [
            Phone(device_id(name), role, area)
            for name, role, area in (
                ("office", "kpu", REGENCY),
                ("door-1", "pantarlih", VILLAGE_A),
                ("door-2", "pantarlih", VILLAGE_A),
                ("door-3", "pantarlih", VILLAGE_B),
                ("village", "pps", VILLAGE_A),
                ("district", "ppk", VILLAGE_A + VILLAGE_B),
                ("office-2", "kpu", REGENCY),
                ("elsewhere", "kpu", REGENCY_2),
                ("door-9", "pantarlih", REGENCY_2[:1]),
            )
        ]

    def live(self, gene: bytes) -> None:
        """One thing that happens: (deed, phone, voter, ear, a, b, c, d, lie, lie's how, way, way's how)."""
        deed, who, whom, ear, a, b, c, d, lie, lie_how, way, way_how = gene
        phone = self.phones[who % len(self.phones)]
        if not self.voters:
            self._born(self.phones[0], a, b, c)
        if deed % 16 == 15:
            self._sync(phone, self.phones[a % len(self.phones)])
            return
        about = self.voters[whom % len(self.voters)]
        self._hear(phone, about, ear)
        before = len(self.made)
        self._do(phone, about, deed, (a, b, c, d), _Lie(lie if self.hostile else 0, lie_how))
        for item in (*self.made[before:], *self.nobodys):
            self._send(item, way, way_how)
        self.nobodys.clear()

    # --- hearing of others ---------------------------------------------------------------------------------------

    def _hear(self, phone: Phone, about: tuple[str, str], ear: int) -> None:
        everything = [item for item in self.made if item.about == about]
        how, which = ear % 4, ear // 4
        if how == 1:  # the phone is online: it has all there is
            heard = everything
        elif how == 2 and everything:  # somebody told it of one event, and of all that this one rests on
            rests_on = everything[which % len(everything)].event["clock"]
            heard = [item for item in everything if item.event["seq"] <= rests_on.get(item.event["device"], 0)]
        elif not phone.knows(about):  # the list it set out with
            heard = everything[:1]
        else:
            heard = []
        phone.knows(about).update({item.hash: item for item in heard})

    def _sync(self, phone: Phone, other: Phone) -> None:
        for about, items in other.known.items():
            phone.knows(about).update(items)

    # --- deeds ---------------------------------------------------------------------------------------------------

    def _do(self, phone: Phone, about: tuple[str, str], deed: int, how: tuple[int, ...], lie: _Lie) -> None:
        a, b, c, _d = how
        deed %= 16
        if deed == 0 and phone.role == "kpu" and lie.name is None:
            self._born(phone, a, b, c)
        elif deed == 1:
            self._new(phone, how, lie)
        else:
            self._act(phone, about, deed, how, lie)

    def _born(self, phone: Phone, a: int, b: int, c: int) -> None:
        person = {"salt": self._salt(phone, c), "record": _record(b)}
        event = self._event(phone, "listed", phone.area[a % len(phone.area)], c) | {"source": "dp4-2024"}
        self._finish(phone, event, person, birth=True)

    def _new(self, phone: Phone, how: tuple[int, ...], lie: _Lie) -> None:
        a, b, c, d = how
        person = {"salt": self._salt(phone, c), "record": _record(b)}
        event = self._event(phone, "new", phone.area[a % len(phone.area)], c)
        event |= {"how": HOWS[d % 4], "document": DOCUMENTS[d // 4 % 4]}
        if lie.name == "birth_on_other" and self.voters:
            event["voter"] = self.voters[lie.how % len(self.voters)][1]
            self._finish(phone, event, person)
        else:
            self._finish(phone, event, person, birth=True)

    def _act(self, phone: Phone, about: tuple[str, str], deed: int, how: tuple[int, ...], lie: _Lie) -> None:
        a, b, c, d = how
        known = list(phone.knows(about).values())
        area = self._area_of(phone, known)
        if not area and lie.name is None:
            return  # an honest phone has nobody on its roll to act on
        tps = (area or phone.area)[a % len(area or phone.area)]
        event = self._event(phone, "found", tps, c) | {"voter": about[1]}
        self._own_fields(phone, event, deed, (b, c, d), known)
        clock = {item.event["device"]: 0 for item in known}
        marks: dict[tuple[str, int], str] = {}
        for item in known:
            clock[item.event["device"]] = max(clock[item.event["device"]], item.event["seq"])
            marks.setdefault(item.dot, item.mark)
        event["clock"] = clock | {phone.device: event["seq"]}
        person = self._person(phone, event, b, c)
        lie.tell(self, phone, event, marks)
        others = sorted(name for name in event["clock"] if name != event["device"])
        if others and "saw" not in event:
            event["saw"] = [marks.get((name, event["clock"][name])) or base64url(bytes(16)) for name in others]
        lie.spoil(event)
        if event.get("saw", 0) is None:
            del event["saw"]
        self._finish(phone, event, person, commit=lie.name != "other_person")

    def _area_of(self, phone: Phone, known: list[Item]) -> tuple[str, ...]:
        """The rolls of this phone that an event of it may name, given what stands in what it knows."""
        tps_writes = [item for item in known if tps_written(item.event)]
        standing = [
            tps_written(e.event)
            for e in tps_writes
            if not any(
                covers(f.event["clock"], e.event["clock"]) and level(f.event) >= level(e.event) for f in tps_writes
            )
        ]
        digits = {"kpu": 4, "ppk": 6}.get(phone.role, 10)  # an area, §3 rule 4
        return tuple(tps for tps in phone.area if any(value and value[:digits] == tps[:digits] for value in standing))

    def _event(self, phone: Phone, kind: str, tps: str, c: int) -> dict[str, Any]:
        seq = phone.seq + 1
        return {
            "v": 1,
            "election": ELECTION,
            "policy": POLICIES[c % len(POLICIES)],
            "device": phone.device,
            "seq": seq,
            "prev": phone.prev,
            "type": kind,
            "clock": {phone.device: seq},
            "tps": tps,
            "officer": f"o-{phone.device[:4]}",
            "role": phone.role,
            "at": self._at(c),
        }

    def _at(self, c: int) -> str:
        year, day = (2024, 1999, 2034)[c % 3], 10 + c % 20
        return f"{4000 - year if self.mirrored else year}-06-{39 - day if self.mirrored else day}T09:00:0{c % 10}+09:00"

    def _own_fields(
        self, phone: Phone, event: dict[str, Any], deed: int, how: tuple[int, ...], known: list[Item]
    ) -> None:
        b, c, d = how
        reach = REGENCY if phone.area[0][:4] == REGENCY[0][:4] else REGENCY_2
        smaller = sorted(voter for _, voter in self.voters if voter < event["voter"])
        reasons = REASONS if smaller else REASONS[1:]
        changed = sorted({FIELDS[b % 12], FIELDS[d % 12]}) if b % 3 == 2 else None
        seen = [tps_written(item.event) for item in known if tps_written(item.event)]
        if deed == 6:
            place = {"to_area": AREAS[b % 5]} if c % 4 == 3 else {"to": reach[b % len(reach)]}
            event |= {"type": "moved"} | place | _evidence(d)
            if event.get("to_area", "").startswith(event["tps"][:4]) or event["tps"].startswith(
                event.get("to_area", "-")
            ):
                event["to_area"] = "12"
        elif deed == 7:
            event |= {"type": "deceased"} | _evidence(d)
        elif deed == 8:
            event |= {"type": "disqualified", "reason": reasons[b % len(reasons)]} | _evidence(d)
        elif deed == 9:
            event |= {
                "type": "not_met",
                "why": ("absent", "refused", "unreachable")[b % 3],
                "nth": 1 + d % 99,
            }
        elif deed == 10:
            event |= {"type": "reopened"} | ({"changed": changed} if changed else {})
            if seen and c % 2:
                event["to"] = seen[d % len(seen)]
        elif deed in (11, 12, 13) and phone.role != "pantarlih":
            event |= {"type": "ruled", "verdict": VERDICTS[b % 5]} | ({"changed": changed} if changed else {})
            if event["verdict"] == "disqualified":
                event["reason"] = reasons[d % len(reasons)]
            if c % 4 == 1:
                event["to"] = reach[d % len(reach)]
                if "reason" not in event and d % 2:
                    del event["verdict"]
        elif deed == 14 and phone.role == "kpu":
            event |= {"type": "listed", "source": "dpshp"}
        else:
            event |= {"type": "found", "how": HOWS[d % 4]} | ({"changed": changed} if changed else {})
        if event.get("reason") == "duplicate":
            event["duplicate_of"] = smaller[0]
        if d % 5 == 1:
            event |= {"visited": "2024-06-24", "entry": ("phone", "paper")[c % 2]}

    def _person(self, phone: Phone, event: dict[str, Any], b: int, c: int) -> dict[str, Any] | None:
        salt = {"salt": self._salt(phone, c)}
        if event["type"] == "listed":
            return salt | {"record": _record(b)}
        if "changed" in event:
            return salt | {"changes": {name: _value(name, b + i) for i, name in enumerate(event["changed"])}}
        if event["type"] == "deceased" and c % 4 == 0:
            return salt | {"death_date": "2024-05-01"}
        if c % 7 == 3:
            return salt | {
                "note": "rumah kosong",
                "visit": {"sticker": True, "slip": False, "photos": ["A" * 43]},
            }
        return None

    def _salt(self, phone: Phone, c: int) -> str:
        # Now and then a salt comes twice: the state's salts are distinct.
        name = "again" if c % 11 == 10 else f"{phone.device}{phone.seq}{len(self.made)}"
        return base64url(hashlib.sha256(name.encode()).digest()[:16])

    def _finish(
        self,
        phone: Phone,
        event: dict[str, Any],
        person: dict[str, Any] | None,
        *,
        birth: bool = False,
        commit: bool = True,
    ) -> None:
        if person is not None:
            right = hashlib.sha256(canonical(person)).digest()
            event["person"] = base64url(right if commit else hashlib.sha256(right).digest())
        if birth:
            event["voter"] = birth_id(event["device"], event["seq"], event["person"])
        item = item_of(event, person)
        if not _has_a_place(event):
            self.nobodys.append(item)
            return
        if item.about not in self.voters and birth:
            self.voters.append(item.about)
        if event["seq"] > phone.seq:  # or it is a fork, or backdated, and the log goes on from where it was
            phone.seq, phone.prev = event["seq"], base64url(item.hash)
        phone.own.append(item)
        phone.knows(item.about)[item.hash] = item
        self.made.append(item)
        if birth and len(self.made) == 1:
            self.lines.append(item.line)

    # --- the way of a line ---------------------------------------------------------------------------------------

    def _send(self, item: Item, way: int, how: int) -> None:
        times = 2 if way % 8 == 7 else 1
        lines = [item.line] * times
        if self.hostile:
            if way % 16 == 6:
                lines = []  # it never arrives
            elif way % 16 == 4:
                lines = [wire(item.event_bytes, None)]
            elif way % 16 == 12:
                # Somebody else's person, of the same form: only its hash tells.
                alike = [other.person_bytes for other in self.made if other.event.get("type") == item.event.get("type")]
                lines = [wire(item.event_bytes, alike[how % len(alike)] if alike else b"{}")] * (1 + how % 2)
                lines += [item.line] if how % 3 == 0 else []
            elif way % 32 == 29:
                lines = [_mangled(item.line, how)]
        self.lines += lines


def _has_a_place(event: dict[str, Any]) -> bool:
    """Whether phones can handle the event at all; the rest of what is malformed is for the core to find."""
    numbers = [
        event.get("seq"),
        *(event["clock"].values() if isinstance(event.get("clock"), dict) else [None]),
    ]
    return all(type(n) is int and abs(n) < 2**53 for n in numbers) and all(
        isinstance(event.get(name), str) for name in ("voter", "tps", "device", "prev")
    )


def _record(b: int) -> dict[str, str | None]:
    return {name: _value(name, b + i * (b // 4)) for i, name in enumerate(FIELDS)}


def _value(name: str, b: int) -> str | None:
    values = VALUES.get(name) or (f"{name}-0", f"{name}-1", None, "")
    return values[b % len(values)]


def _evidence(d: int) -> dict[str, Any]:
    word = EVIDENCE[d % len(EVIDENCE)]
    return {} if word is None else {"evidence": word}


# ---------------------------------------------------------------------------------------------------------------
# Lies

LIES = (
    "future", "wrong_saw", "fork", "ghost", "birth_on_other", "cross_voter", "cross_regency", "falls",
    "own_entry", "unknown_policy", "spoilt", "spoilt", "spoilt_clock", "unseen", "role", "other_person", "gap",
    "roll", "fork", "unseen", "backdated",
)  # fmt: skip

SPOILT: tuple[tuple[str, Any], ...] = (
    ("extra", 1), ("v", 2), ("v", True), ("type", "danced"), ("role", "boss"), ("at", "2024-06-25 09:00:00Z"),
    ("at", "2024-06-25T09:00:00.5Z"), ("at", "2024-02-30T09:00:00Z"), ("at", "2024-06-25T24:00:00Z"),
    ("visited", "2024-02-30"), ("visited", None), ("entry", "fax"), ("officer", "Budi Santoso"), ("officer", ""),
    ("policy", "2024.1"), ("election", "Pilkada"), ("election", None), ("person", None), ("person", "A" * 42),
    ("person", "B" * 43), ("how", "phone"), ("how", "in_person"), ("nth", 0), ("nth", 100), ("nth", True),
    ("to", "9405012001001"), ("to", "940401200100"), ("to_area", "94"), ("to_area", "940401"), ("to_area", "940"),
    ("to_area", "00"), ("to_area", "05"), ("evidence", "bribe"), ("evidence", "Passport"), ("evidence", 7),
    ("changed", []), ("changed", ["rt", "name"]), ("changed", ["name", "name"]), ("changed", ["name"]),
    ("changed", ["age"]), ("reason", "foreign"), ("reason", "ugly"),
    ("duplicate_of", "f" * 8 + "-ffff-8fff-bfff-" + "f" * 12),
    ("duplicate_of", "0" * 8 + "-0000-8000-8000-" + "0" * 12), ("verdict", "absent"), ("source", "DP4"),
    ("document", "sim"), ("why", "tired"), ("saw", "AAAAAAAAAAAAAAAAAAAAAA"), ("saw", ["A" * 21 + "B"]), ("saw", [7]),
    ("seq", 0), ("seq", "1"), ("seq", 2**53), ("seq", True),
    ("prev", "A" * 42), ("prev", "A" * 42 + "B"), ("prev", None),
    ("device", "KPUKPUKPUKPUKPU2"), ("device", "kpu"), ("voter", "00000000-0000-4000-8000-000000000000"),
    ("voter", "00000000-0000-8000-C000-000000000000"), ("voter", 1), ("tps", "0504012001001"), ("tps", "94040120010"),
    ("tps", None), ("clock", None), ("clock", []), ("clock", {"a" * 16: "1"}), ("clock", {"a" * 16: None}),
    ("clock", {"a" * 16: 2**53}), ("clock", {"a" * 16: True}), ("clock", {"a" * 16: -(2**53)}), ("role", "pantarlih"),
    ("role", "kpu"), ("at", "2024-06-25T09:00:60Z"), ("at", "2024-06-25t09:00:00Z"), ("at", "2024-06-25T09:00:00+0900"),
    ("at", "0000-06-25T09:00:00Z"), ("at", "2024-06-25T09:00:00-00:00"), ("at", "2024-06-25T09:00:00\n"),
)  # fmt: skip


class _Lie:
    """What is false in one event; `name` is None in an honest one."""

    def __init__(self, lie: int, how: int) -> None:
        # Most of a hostile history is honest work, or there would be nothing to attack.
        self.name = LIES[(lie - 176) % len(LIES)] if lie >= 176 else None
        self.how = how

    def tell(self, world: World, phone: Phone, event: dict[str, Any], marks: dict[tuple[str, int], str]) -> None:
        """The lies that come before `saw` is made, so that it fits them."""
        clock, how = event["clock"], self.how
        others = sorted(name for name in clock if name != phone.device)
        strangers = world.made
        for item in strangers:
            marks.setdefault(item.dot, item.mark)
        if self.name == "future":
            name = world.phones[how % len(world.phones)].device
            if name != phone.device:
                clock[name] = clock.get(name, 0) + 1 + how // 64
        elif self.name == "fork" and phone.own:
            twin = phone.own[how % len(phone.own)].event
            event["seq"], event["prev"] = twin["seq"], twin["prev"]
            clock[phone.device] = event["seq"]
            if how % 2 and twin["voter"] == event["voter"] and twin["clock"].keys() >= clock.keys():
                clock.update(twin["clock"])
        elif self.name == "backdated":
            # A seq that it once left out: only now is there an event with it.
            used = {item.event["seq"] for item in phone.own}
            free = [seq for seq in range(1, phone.seq) if seq not in used]
            if free:
                event["seq"] = free[how % len(free)]
                clock[phone.device] = event["seq"]
        elif self.name == "ghost":
            event["voter"] = birth_id(phone.device, 10**6 + how % 3, "A" * 43)
        elif self.name == "birth_on_other":
            event["clock"] = {phone.device: event["seq"]}
        elif self.name == "cross_voter" and strangers:
            item = strangers[how % len(strangers)]
            if item.event["device"] != phone.device:
                clock[item.event["device"]] = item.event["seq"]
                marks[item.dot] = item.mark
        elif self.name == "cross_regency":
            event["tps"] = (REGENCY_2 + PROVINCE_2 + REGENCY[:1])[how % 4]
        elif self.name == "falls" and others:
            name = others[how % len(others)]
            if how >= 128 or clock[name] == 1:
                del clock[name]
            else:
                clock[name] -= 1
        elif self.name == "unseen":
            for name in others[how % (len(others) + 1) :]:
                del clock[name]
        elif self.name == "gap":
            event["seq"] += 1 + how % 3
            clock[phone.device] = event["seq"]
        elif self.name == "roll":
            event["tps"] = REGENCY[how % len(REGENCY)]

    def spoil(self, event: dict[str, Any]) -> None:
        """The lies that come after."""
        how = self.how
        if self.name == "wrong_saw" and event.get("saw"):
            event["saw"][how % len(event["saw"])] = base64url(hashlib.sha256(bytes([how])).digest()[:16])
        elif self.name == "own_entry":
            event["clock"][event["device"]] = event["seq"] + (1, -1, 5, 0)[how % 4]
        elif self.name == "unknown_policy":
            event["policy"] = "1955-1"
        elif self.name == "role":
            event["role"] = ("pantarlih", "pps", "ppk", "kpu")[how % 4]
        elif self.name == "spoilt":
            name, value = SPOILT[how % len(SPOILT)]
            event[name] = value
            if value is None and how % 2:
                del event[name]
        elif self.name == "spoilt_clock":
            self._spoil_clock(event)

    def _spoil_clock(self, event: dict[str, Any]) -> None:
        clock, how = event["clock"], self.how % 8
        if how == 0:
            clock.pop(event["device"])
        elif how == 1:
            clock["Not-a-device"] = 1
            event["saw"] = [*event.get("saw", []), "A" * 22]
        elif how == 2:
            clock[device_id("nobody")] = 0
            event["saw"] = [*event.get("saw", []), "A" * 22]
        elif how == 3:
            clock.update({device_id(str(n)): 1 for n in range(64)})
            event["saw"] = ["A" * 22] * (len(clock) - 1)
        elif how == 4:
            event["saw"] = []
        elif how == 5:
            event["saw"] = [*event.get("saw", []), "A" * 22]
        elif how == 6:
            event["saw"] = None
        else:
            clock[event["device"]] = -1


def _mangled(line: bytes, how: int) -> bytes:
    """Bytes that are nobody's event, made from one that was somebody's."""
    return (
        line[:-1],
        line + b" ",
        b" " + line,
        line.replace(b'"v":1', b'"v":1.0'),
        line.replace(b'"v":1', b'"v":1e0'),
        line.replace(b'"v":1', b'"v":1,"v":1'),
        line.replace(b'"v":1', b'"v":1,"w":-0'),
        line.replace(b'"v":1', b'"v":1,"w":9007199254740992'),
        line.replace(b'"v":1', b'"v":1,"w":0.5'),
        line.replace(b'"v":1', b'"v":1,"w":NaN'),
        line.replace(b'"v":1', b'"v": 1'),
        line.replace(b'"v":1', b'"v":1,"a":1'),
        line.replace(b'"v":1', b'"v":1,"w":"\\ud800"'),
        line.replace(b'"v":1', b'"v":1,"w":"\\u0041"'),
        line.replace(b'"v":1', b'"v":1,"w":"\xff"'),
        line.replace(b'{"event":', b'{"a":1,"event":'),
        line.replace(b'{"event":', b'{"events":'),
        line[:-1] + b',"z":1}',
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"event":1}',
        b'{"event":null}',
        b'{"person":{}}',
        b"\xef\xbb\xbf" + line,
        line.replace(b'"v":1', b'"v":1,"w":"' + b"x" * 16384 + b'"'),
        b"[" * 9000 + b"]" * 9000,
        line[:-1] + b',"person":null}',
        line.replace(b'"v":1', b'"v":1,"w":"\x00"'),
        line.replace(b'"v":1', b'"v":1,"w":"\\u001F"'),
        line.replace(b'"v":1', b'"v":1,"w":"\\/"'),
    )[how % 32]
