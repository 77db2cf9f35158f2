"""A made-up journal as admission would have written it, or as it never would: events go in as they are, head-signed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.head import sign_head
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.ports import HEAD_HEADER, STAMP_HEADER, Journal, Push, RegistryJournal, Stored
from ecoklit.testing import mimika
from ecoklit.testing.made_up_keys import known_key
from ecoklit.testing.made_up_registry import MadeUpElection

AT: Final = "2024-06-25T09:00:00+09:00"
POLICY: Final = "2024-1"
PUSH_EVENTS: Final = 40
ROLES: Final = {"pantarlih": 13, "pps": 10, "ppk": 6, "kpu": 4}


class MadeUpJournal:
    """Devices of one election, and the journal that their pushes go into, through no door."""

    def __init__(self, election: str, journal: Journal, registry: RegistryJournal, seed: int = 1) -> None:
        self.election = MadeUpElection(election, mimika.REGENCY, seed)
        self.journal, self.registry = journal, registry
        self.random = Random(seed)
        self._logs: dict[str, DeviceLog] = {}
        self._unsent: dict[str, list[Held]] = {}
        self.about: dict[str, list[Held]] = {}

    def device(self, name: str, role: str, tps: str) -> Key:
        """A device that may work in the area of `tps` that its role has."""
        key = self.election.device(name, role, tps[: ROLES[role]])
        self._logs[key.device] = DeviceLog(self.election.election, key.device, officer=name, role=role, policy=POLICY)
        return key

    def say(self, key: Key, type: str, *, tps: str, seen: Sequence[Held] | None = None, **own: Any) -> Held:
        """The next event of a device; with a voter, it saw all that was said of it, or only `seen`."""
        voter = own.get("voter")
        about = self.about.get(voter, []) if voter is not None else []
        if own.get("person") is not None:
            own["person"] = {"salt": ids.to_base64url(self.random.randbytes(16)), **own["person"]}
        held = self._logs[key.device].append(type, tps=tps, at=AT, seen=about if seen is None else seen, **own)
        self.about.setdefault(held.voter, []).append(held)
        self._unsent.setdefault(key.device, []).append(held)
        return held

    async def send(self, key: Key, *, persons: bool = True) -> None:
        """Put what a device said into the journal, in pushes that its key signs."""
        await self.election.store(self.registry)
        stamp = str(await self.registry.last())
        events = self._unsent.pop(key.device, [])
        for start in range(0, len(events), PUSH_EVENTS):
            some = events[start : start + PUSH_EVENTS]
            head = await self.journal.head(key.device)
            signed = sign_head(known_key(key.device), self.election.election, some[-1].seq, some[-1].hash)
            last = ((STAMP_HEADER, stamp), (HEAD_HEADER, signed.signature))
            push = Push(
                key.device,
                head.sequence if head else 0,
                tuple(one.event_bytes for one in some),
                tuple((one.seq, one.person_bytes) for one in some if persons and one.person_bytes is not None),
                headers=last,
                first_headers=last[:1] if len(some) > 1 else (),
            )
            (stored,) = await self.journal.append([push])
            assert isinstance(stored, Stored)


async def day_of_coklit(
    journal: Journal,
    registry: RegistryJournal,
    voters: int,
    seed: int = 1,
    villages: int = 1,
    disputed: float = 0.1,
    again: int = 0,
) -> MadeUpJournal:
    """Villages listed and visited: most voters are found, some were away, moved, or died.

    Of the share `disputed` half are ruled on, and half are said to be alive by one and dead by another. Afterwards
    everybody is found `again` so many times: for journals that are long.
    """
    made = MadeUpJournal("pilkada-2024", journal, registry, seed)
    codes = mimika.tps_codes(mimika.REGENCY)
    office = made.device("kpu-mimika", "kpu", codes[0])
    chosen = list(dict.fromkeys(tps[:10] for tps in codes))[:villages]
    places = [tps for tps in codes if tps[:10] in chosen]
    each = max(1, voters // len(places))
    for village in chosen:
        own = [tps for tps in places if tps.startswith(village)]
        await _village(made, office, own, each, disputed, again)
    return made


async def _village(
    made: MadeUpJournal, office: Key, places: Sequence[str], each: int, disputed: float, again: int
) -> None:
    pps = made.device(f"pps-{places[0][:10]}", "pps", places[0])
    rolls: list[tuple[str, Key, list[Held]]] = []
    for tps in places:
        phone = made.device(f"officer-{tps}", "pantarlih", tps)
        made.election.say(made.election.root, "tps_set", tps=[tps])
        listed = [
            made.say(office, "listed", tps=tps, source="dp4-2024", person={"record": one.record()})
            for one in mimika.people(tps)[:each]
        ]
        await made.send(office)
        rolls.append((tps, phone, listed))
    for tps, phone, listed in rolls:
        for one in listed:
            _visit(made, phone, pps, places, one, disputed)
        for one in listed * again:
            made.say(phone, "found", tps=tps, voter=one.voter, how="in_person")
        await made.send(phone)
    await made.send(pps)


def _visit(made: MadeUpJournal, phone: Key, pps: Key, places: Sequence[str], listed: Held, disputed: float) -> None:
    chance, voter, tps = made.random.random(), listed.voter, listed.tps
    if chance < disputed / 2:
        made.say(phone, "deceased", tps=tps, voter=voter, evidence="family_statement")
        made.say(pps, "ruled", tps=tps, voter=voter, verdict="deceased")
    elif chance < disputed:
        made.say(phone, "found", tps=tps, voter=voter, how="in_person")
        made.say(pps, "deceased", tps=tps, voter=voter, evidence="death_certificate", seen=[listed])
    elif chance < 0.8:
        made.say(phone, "found", tps=tps, voter=voter, how="in_person")
    elif chance < 0.9:
        made.say(phone, "not_met", tps=tps, voter=voter, why="absent", nth=1)
        made.say(phone, "found", tps=tps, voter=voter, how="family")
    elif chance < 0.95:
        changes = {"rt": f"{made.random.randrange(1, 20):03}"}
        made.say(phone, "found", tps=tps, voter=voter, how="in_person", person={"changes": changes})
    else:
        made.say(phone, "moved", tps=tps, voter=voter, to=made.random.choice(places))
