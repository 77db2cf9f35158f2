"""The author's side: how a device says something, so that it is canonical, chained and knows its causes (SPEC §1, §3).

Whoever writes events writes them through here: phones, the office that imports a list, demonstrations and tests.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ecoklit.core import canonical, ids, wire
from ecoklit.core.wire import Held


class DeviceLog:
    """One device's log, at its end: it appends, and remembers its last event and what it said about each voter.

    A device that is started again is given `seq` and `prev` of its last event; `seen` of `append` then brings its own
    earlier events about the voter back in.
    """

    def __init__(
        self,
        election: str,
        device: str,
        *,
        officer: str,
        role: str,
        policy: str,
        seq: int = 0,
        prev: str = ids.to_base64url(ids.ZERO_HASH),
    ) -> None:
        self.election = election
        self.device = device
        self.officer = officer
        self.role = role
        self.policy = policy
        self.seq = seq
        self.prev = prev

    def append(
        self,
        type: str,
        *,
        tps: str,
        at: str,
        voter: str | None = None,
        seen: Iterable[Held] = (),
        person: Mapping[str, Any] | None = None,
        **own_fields: Any,
    ) -> Held:
        """The next event, as held; ValueError when it would be bad by itself.

        `voter` None is a birth. `seen` is every event about the voter that the author holds, its own included.
        `person` is the personal part with its salt; `changed` follows from its changes.
        """
        seq = self.seq + 1
        person_bytes = None if person is None else canonical.encode(dict(person))
        body: dict[str, Any] = {
            "at": at,
            "device": self.device,
            "election": self.election,
            "officer": self.officer,
            "policy": self.policy,
            "prev": self.prev,
            "role": self.role,
            "seq": seq,
            "tps": tps,
            "type": type,
            "v": 1,
            **own_fields,
            **clock_and_saw(self.device, seq, seen),
        }
        if person_bytes is not None:
            body["person"] = ids.to_base64url(ids.sha256(person_bytes))
            if person is not None and "changes" in person:
                body["changed"] = sorted(person["changes"])
        body["voter"] = self._birth(seq, body) if voter is None else voter
        held = wire.hold(canonical.encode(body), person_bytes)
        if held.fault or held.person_fault:
            raise ValueError(f"{type} would be no good event: {held.fault or held.person_fault}")
        self.seq, self.prev = seq, ids.to_base64url(held.hash)
        return held

    def _birth(self, seq: int, body: Mapping[str, Any]) -> str:
        if "person" not in body:
            raise ValueError("a birth needs its person")
        return ids.birth_id(self.election, self.device, seq, body["person"])


def clock_and_saw(device: str, seq: int, seen: Iterable[Held]) -> dict[str, Any]:
    """The `clock` of a new event (device, seq) whose author holds `seen` about the voter, and its `saw` if any.

    Of each other device the latest event is named, by its hash: the clock never falls, since what is held stays held.
    """
    latest: dict[str, Held] = {}
    named: dict[str, int] = {}
    for held in seen:
        if held.device == device:
            # What the device itself had seen stays seen, even what it holds no longer.
            for other, at in held.clock.items():
                named[other] = max(named.get(other, 0), at)
        elif held.device not in latest or latest[held.device].seq < held.seq:
            latest[held.device] = held
    for other, at in named.items():
        if other != device and (other not in latest or latest[other].seq < at):
            raise ValueError(f"{other}:{at}, which the device had seen, is missing from what it holds")
    if not latest:
        return {"clock": {device: seq}}
    others = sorted(latest)
    clock = {other: latest[other].seq for other in others}
    return {"clock": {**clock, device: seq}, "saw": [latest[other].mark for other in others]}
