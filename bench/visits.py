"""A few days of coklit as held events, for the benches: made-up voters, honest phones.

One office device lists every voter. Each TPS has a phone, or two where it has more than 400 voters, and each phone
visits its share once or twice: most people are found at once, some on the second visit, some are corrected, have
moved or died. Everything follows from the seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.wire import Held
from ecoklit.testing import mimika

ELECTION = "pilkada-2024"
POLICY = "2024-1"
PHONE_VOTERS_MAX = 400
LISTED = datetime.fromisoformat("2024-06-20T08:00:00+09:00")
VISITED = datetime.fromisoformat("2024-06-25T08:00:00+09:00")

Deed = dict[str, Any]
FOUND: Deed = {"type": "found", "how": "in_person"}
BY_FAMILY: Deed = {"type": "found", "how": "family"}
ABSENT: Deed = {"type": "not_met", "why": "absent", "nth": 1}
AGAIN_ABSENT: Deed = {"type": "not_met", "why": "unreachable", "nth": 2}
CORRECTED: Deed = {**FOUND, "corrects": True}
MOVED_NEAR: Deed = {"type": "moved", "moves": True}
DEEDS: list[tuple[int, list[Deed]]] = [
    (68, [FOUND]),
    (6, [BY_FAMILY]),
    (8, [ABSENT, FOUND]),
    (2, [ABSENT, AGAIN_ABSENT]),
    (6, [CORRECTED]),
    (2, [BY_FAMILY, CORRECTED]),
    (2, [{"type": "deceased", "evidence": "death_certificate"}]),
    (1, [{"type": "deceased", "evidence": "family_statement"}]),
    (2, [{"type": "moved", "to_area": "9401"}]),
    (1, [{"type": "moved", "to_area": "91", "evidence": "transfer_letter"}]),
    (1, [MOVED_NEAR]),
    (1, [MOVED_NEAR, FOUND]),
]
"""What becomes of a hundred listed voters: one or two field events each."""


def history(voters: int, seed: int = 1) -> list[Held]:
    """`voters` of Mimika listed, and each of them visited; causes before effects."""
    random = Random(seed)
    office = DeviceLog(ELECTION, _device(random), officer="kpu-mimika-01", role="kpu", policy=POLICY)
    events: list[Held] = []
    for tps in mimika.polling_places():
        people = mimika.people(tps.code)[:voters]
        voters -= len(people)
        listed = [_list(office, tps.code, person, random) for person in people]
        events += listed
        events += _visits(tps, listed, random)
        if not voters:
            return events
    raise ValueError("Mimika has not so many voters")


def _device(random: Random) -> str:
    return ids.device_id("ed25519", random.randbytes(32))


def _salt(random: Random) -> str:
    return ids.to_base64url(random.randbytes(ids.MARK_BYTES))


def _list(office: DeviceLog, tps: str, person: mimika.MadeUp, random: Random) -> Held:
    at = (LISTED + timedelta(seconds=office.seq // 20)).isoformat()
    return office.append(
        "listed", tps=tps, at=at, source="dp4-2024", person={"record": person.record(), "salt": _salt(random)}
    )


def _visits(tps: mimika.Tps, listed: list[Held], random: Random) -> Iterator[Held]:
    count = 1 + (len(listed) > PHONE_VOTERS_MAX)
    phones = [
        DeviceLog(ELECTION, _device(random), officer=f"p-{tps.code}-{place}", role="pantarlih", policy=POLICY)
        for place in range(1, count + 1)
    ]
    weights, deeds = zip(*DEEDS, strict=True)
    for place, birth in enumerate(listed):
        phone = phones[place % count]
        held = [birth]
        for deed in random.choices(deeds, weights)[0]:
            held.append(_visit(phone, held, deed, random))
        yield from held[1:]


def _visit(phone: DeviceLog, held: list[Held], deed: Deed, random: Random) -> Held:
    told = {key: value for key, value in deed.items() if key not in ("corrects", "moves")}
    tps, place = held[0].tps, held[-1].event
    if "moves" in deed:
        told["to"] = f"{tps[:10]}{int(tps[10:]) % 3 + 1:03}"
    elif getattr(place, "to", None):
        tps = place.to  # found where the voter moved to
    if "corrects" in deed:
        told["person"] = {"changes": _corrections(random), "salt": _salt(random)}
    at = VISITED + timedelta(seconds=phone.seq * 137 + random.randrange(60))
    return phone.append(tps=tps, at=at.isoformat(), voter=held[0].voter, seen=held, **told)


def _corrections(random: Random) -> dict[str, str]:
    return random.choice(
        [
            {"rt": f"{random.randrange(1, 20):03}"},
            {"address": f"JALAN CENDERAWASIH {random.randrange(1, 200)}", "rt": "002", "rw": "001"},
            {"birth_date": f"19{random.randrange(50, 99)}-0{random.randrange(1, 10)}-11"},
            {"marital": random.choice("BSP")},
        ]
    )
