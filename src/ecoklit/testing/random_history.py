"""Random histories of one regency as a journal can hold them: gapless logs without forks, honest and lying devices.

Everything follows from the seed. Logs arrive interleaved at random, so causes come after effects; some persons come
late, early, twice, wrong or never; some ends of logs never come.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ecoklit.core import canonical, ids, wire
from ecoklit.core.device_log import clock_and_saw
from ecoklit.core.wire import Held
from ecoklit.ports import STAMP_HEADER, Journal, Push, Stored

ELECTION: Final = "pilkada-2024"
REGENCY: Final = "9404"
AT: Final = "2024-06-25T09:00:00+09:00"
_TPS: Final = ("9404012001001", "9404012001002", "9404012001003", "9404012002001", "9404021001001")
_ELSEWHERE: Final = "9401012001001"
_FIELDS: Final = ("name", "nik", "rt", "sex", "disability")


class Arrival(NamedTuple):
    """One push: events of one device in order, and copies of persons with the seq that they say they belong to."""

    device: str
    events: list[Held]
    persons: list[tuple[int, bytes]]


class _Device:
    def __init__(self, name: str, role: str, tps: str) -> None:
        self.name = name
        self.role = role
        self.tps = tps
        self.seq = 0
        self.prev = ids.to_base64url(ids.ZERO_HASH)
        self.log: list[Held] = []
        self.knows: dict[str, dict[str, int]] = {}


class RandomHistory:
    """`arrivals` in order of arrival; `held` is what a fold of them would be given.

    A calm one has more voters with fewer events each, and plain names.
    """

    def __init__(self, seed: int | random.Random, *, events: int = 60, lies: float = 0.15, calm: bool = False) -> None:
        self._calm = calm
        self._random = seed if isinstance(seed, random.Random) else random.Random(seed)
        self._voters: list[str] = []
        self._about: dict[str, list[Held]] = {}
        self.keys: dict[str, bytes] = {}
        self._devices = [self._device(place) for place in range(self._random.randint(3, 7))]
        self._born_unseen: list[Held] = []
        for _ in range(events):
            device = self._random.choice(self._devices)
            if self._random.random() < lies:
                self._lie(device)
            else:
                self._work(device)
        self.arrivals = self._arrive()

    @property
    def held(self) -> list[Held]:
        """Every event that arrived, with its right person if that arrived."""
        return whole(self.arrivals)

    def _device(self, place: int) -> _Device:
        roles = ("kpu", "pantarlih", "pantarlih", "pps", "pantarlih", "ppk", "kpu")
        key = self._random.randbytes(32)
        self.keys[ids.device_id("ed25519", key)] = key
        return _Device(ids.device_id("ed25519", key), roles[place % 7], self._random.choice(_TPS))

    # --- honest work -------------------------------------------------------------------------------------------------

    def _work(self, device: _Device) -> None:
        if not self._voters or self._random.random() < (0.5 if self._calm else 0.25):
            self._birth(device)
            return
        voter = self._random.choice(self._voters)
        seen = self._look(device, voter)
        body, person = self._deed(device, voter)
        self._write(device, {**body, "voter": voter}, seen, person)

    def _look(self, device: _Device, voter: str) -> list[Held]:
        """What the device holds about the voter: of each other device a beginning of its log, which only grows."""
        knows = device.knows.setdefault(voter, {})
        about = self._about.get(voter, [])
        for other in dict.fromkeys(one.device for one in about):
            last = max(one.seq for one in about if one.device == other)
            if self._random.random() < 0.7:
                knows[other] = max(knows.get(other, 0), self._random.choice([last, last, last // 2]))
        return [one for one in about if one.device == device.name or one.seq <= knows.get(one.device, 0)]

    def _birth(self, device: _Device) -> None:
        person = {"record": self._record(), "salt": self._salt()}
        kind: dict[str, Any] = {"type": "listed", "source": "dp4-2024"}
        if device.role != "kpu":
            kind = {"type": "new", "how": self._how(), "document": "ktp_el"}
        held = self._write(device, kind, [], person)
        self._voters.append(held.voter)

    def _deed(self, device: _Device, voter: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        deeds: list[Callable[[_Device], tuple[dict[str, Any], dict[str, Any] | None]]] = [
            self._found, self._found, self._moved, self._deceased, self._not_met, self._reopened, self._disqualified,
        ]  # fmt: skip
        if device.role != "pantarlih":
            deeds = [self._ruled, self._ruled, self._found]
        if device.role == "kpu":
            deeds.append(self._relisted)
        return self._random.choice(deeds)(device)

    def _found(self, device: _Device) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return {"type": "found", "how": self._how()}, self._changes()

    def _moved(self, device: _Device) -> tuple[dict[str, Any], dict[str, Any] | None]:
        to = {"to": self._random.choice(_TPS)} if self._random.random() < 0.7 else {"to_area": "9401012001"}
        return {"type": "moved", **to, **self._evidence("family_card", "family_statement")}, None

    def _deceased(self, device: _Device) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return {"type": "deceased", **self._evidence("death_certificate", "grave_photo", "village_letter")}, None

    def _disqualified(self, device: _Device) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return {"type": "disqualified", "reason": "military", **self._evidence("service_card")}, None

    def _not_met(self, device: _Device) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return {"type": "not_met", "why": "absent", "nth": self._random.randint(1, 3)}, None

    def _reopened(self, device: _Device) -> tuple[dict[str, Any], dict[str, Any] | None]:
        to = {"to": self._random.choice(_TPS)} if self._random.random() < 0.3 else {}
        return {"type": "reopened", **to}, None

    def _ruled(self, device: _Device) -> tuple[dict[str, Any], dict[str, Any] | None]:
        verdict = self._random.choice(["confirmed", "unvisited", "deceased", "moved_away", None])
        if verdict is None:
            return {"type": "ruled", "to": self._random.choice(_TPS)}, self._changes()
        return {"type": "ruled", "verdict": verdict}, self._changes()

    def _relisted(self, device: _Device) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return {"type": "listed", "source": "dpshp"}, {"record": self._record(), "salt": self._salt()}

    # --- lies --------------------------------------------------------------------------------------------------------

    def _lie(self, device: _Device) -> None:
        if not self._voters:
            return
        voter = self._random.choice(self._voters)
        seen = self._look(device, voter)
        other = self._random.choice(self._devices)
        lies: list[dict[str, Any]] = [
            {"policy": "1999-9"},
            {"how": "guessed\0"},
            {"tps": _ELSEWHERE},
            {"clock": {device.name: device.seq + 2}},
            self._naming(device, other.name, other.seq + self._random.randint(1, 3)),
            self._naming(device, other.name, max(1, other.seq)),
            {"clock": {device.name: device.seq + 1}},
        ]
        lie = self._random.choice(lies)
        self._write(device, {"type": "found", "how": "in_person", "voter": voter}, seen, None, **lie)

    def _naming(self, device: _Device, other: str, seq: int) -> dict[str, Any]:
        """A clock that names one dot, with a mark that is right when the event exists, else made up."""
        if other == device.name:
            return {"policy": "1999-8"}
        there = [one for about in self._about.values() for one in about if one.dot == (other, seq)]
        mark = there[0].mark if there else ids.to_base64url(self._random.randbytes(16))
        return {"clock": {other: seq, device.name: device.seq + 1}, "saw": [mark]}

    # --- writing -----------------------------------------------------------------------------------------------------

    def _write(
        self, device: _Device, own: dict[str, Any], seen: list[Held], person: dict[str, Any] | None, **lie: Any
    ) -> Held:
        seq = device.seq + 1
        try:
            causes = clock_and_saw(device.name, seq, seen)
        except ValueError:
            causes = {"clock": {device.name: seq}}  # a lie of its own made the past unreadable
        if "clock" in lie:
            causes = {}
        body: dict[str, Any] = {
            "v": 1, "election": ELECTION, "policy": "2024-1", "device": device.name, "seq": seq, "prev": device.prev,
            "tps": device.tps, "officer": "o-" + device.name[:4], "role": device.role, "at": AT, **own, **causes, **lie,
        }  # fmt: skip
        person_bytes = None if person is None else canonical.encode(person)
        if person_bytes is not None and person is not None:
            body["person"] = ids.to_base64url(ids.sha256(person_bytes))
            if "changes" in person:
                body["changed"] = sorted(person["changes"])
        if "voter" not in body:
            body["voter"] = ids.birth_id(ELECTION, device.name, seq, body["person"])
        held = wire.hold(canonical.encode(body), person_bytes)
        device.seq, device.prev = seq, ids.to_base64url(held.hash)
        device.log.append(held)
        self._about.setdefault(held.voter, []).append(held)
        return held

    def _how(self) -> str:
        return self._random.choice(["in_person", "family", "video_call", "document"])

    def _evidence(self, *words: str) -> dict[str, str]:
        return {"evidence": self._random.choice(words)} if self._random.random() < 0.7 else {}

    def _salt(self) -> str:
        return ids.to_base64url(self._random.randbytes(16))

    def _word(self, name: str) -> str | None:
        words: dict[str, tuple[str | None, ...]] = {
            "sex": ("L", "P"),
            "disability": (None, "visual", "mental"),
            "name": ("Ibu", "Bapak", None)
            if self._calm
            else ('"Ibu\t', "nul\0nul", "Bapak \\u0000", "é😀\u2028", None),
        }
        return self._random.choice(words.get(name, ("a", "b", None)))

    def _record(self) -> dict[str, str | None]:
        return {
            "nkk": "9404011234560001", "nik": self._word("nik"), "name": self._word("name"), "birth_place": "x",
            "birth_date": None, "marital": "B", "sex": self._word("sex"), "address": "y", "rt": self._word("rt"),
            "rw": None, "disability": self._word("disability"), "ektp": "S",
        }  # fmt: skip

    def _changes(self) -> dict[str, Any] | None:
        if self._random.random() < 0.5:
            return None
        names = self._random.sample(_FIELDS, self._random.randint(1, 3))
        return {"changes": {name: self._word(name) for name in names}, "salt": self._salt()}

    # --- arriving ----------------------------------------------------------------------------------------------------

    def _arrive(self) -> list[Arrival]:
        arrivals: list[Arrival] = []
        late: list[Arrival] = []
        logs = [list(device.log) for device in self._devices]
        for log in logs:
            if self._random.random() < 0.2:
                del log[self._random.randint(0, len(log)) :]
        while any(logs):
            log = self._random.choice([one for one in logs if one])
            size = self._random.randint(1, 6)
            events, log[:] = log[:size], log[size:]
            persons: list[tuple[int, bytes]] = []
            for one in events:
                for seq, body, is_late in self._copies(one):
                    if is_late:
                        late.append(Arrival(one.device, [], [(seq, body)]))
                    elif self._random.random() < 0.1:
                        early = self._random.randint(0, len(arrivals))
                        arrivals.insert(early, Arrival(one.device, [], [(seq, body)]))
                    else:
                        persons.append((seq, body))
            arrivals.append(Arrival(events[0].device, events, persons))
            if late and self._random.random() < 0.3:
                arrivals.append(late.pop(self._random.randrange(len(late))))
        return arrivals

    def _copies(self, one: Held) -> list[tuple[int, bytes, bool]]:
        if one.person_bytes is None:
            return []
        wrong = canonical.encode({"salt": self._salt()})
        fate = self._random.random()
        if fate < 0.75:
            return [(one.seq, one.person_bytes, False)]
        if fate < 0.85:
            return [(one.seq, wrong, False), (one.seq, one.person_bytes, True)]
        if fate < 0.92:
            return [(one.seq, one.person_bytes, True), (one.seq, one.person_bytes, True)]
        return [(one.seq, wrong, True)]


def whole(arrivals: list[Arrival]) -> list[Held]:
    """Every event of these arrivals, with its right person if that arrived."""
    copies: dict[tuple[str, int], list[bytes]] = {}
    for arrival in arrivals:
        for seq, body in arrival.persons:
            copies.setdefault((arrival.device, seq), []).append(body)
    return [_whole(one, copies.get(one.dot, [])) for arrival in arrivals for one in arrival.events]


def _whole(held: Held, copies: list[bytes]) -> Held:
    for body in copies:
        whole = wire.hold(held.event_bytes, body)
        if whole.person_bytes is not None:
            return whole
    return wire.hold(held.event_bytes, None)


async def append_all(journal: Journal, arrivals: list[Arrival], stamp: int | None = None) -> None:
    """Put the arrivals into a journal, in order, one append each; with `stamp` as what admission judged by."""
    for arrival in arrivals:
        head = await journal.head(arrival.device)
        push = Push(
            arrival.device,
            head.sequence if head else 0,
            tuple(one.event_bytes for one in arrival.events),
            tuple(arrival.persons),
            first_headers=((STAMP_HEADER, str(stamp)),) if stamp is not None and arrival.events else (),
        )
        (outcome,) = await journal.append([push])
        assert isinstance(outcome, Stored), f"{arrival.device}: {outcome}"
