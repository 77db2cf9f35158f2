"""What a log shows of people: nothing, neither to the public nor to an auditor (SPEC §1.11)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from ecoklit import contract
from ecoklit.adapters.log_folder import LogFolder
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.signing import key_from_seed
from ecoklit.core.wire import Held
from ecoklit.services.log_builder import LogBuilder, Rolled
from ecoklit.testing import mimika
from ecoklit.testing.day import Plan, district_day, village_day
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.phone import made_up_salt

ELECTION, DISTRICT = "pilkada-2024", "940405"
PERSONAL = ("nkk", "nik", "name", "birth_place", "birth_date", "address")
NUMBER = re.compile(rb"[0-9]{15,}")  # real lists hold 15-digit ones too; a TPS has 13 digits
TEXT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
PLAIN = re.compile(rb"[A-Za-z0-9_:+./-]{0,64}")


class Message(NamedTuple):
    sequence: int
    payload: bytes


class District(NamedTuple):
    """A whole district of the demo: its people, and every event of its list and of its day."""

    people: list[mimika.MadeUp]
    events: list[Held]


@pytest.fixture(scope="module")
def district() -> District:
    office = DeviceLog(ELECTION, made_up_device(0, "kpu"), officer="kpu", role="kpu", policy="2024-1")
    people: list[mimika.MadeUp] = []

    def listed(tps: str, one: mimika.MadeUp) -> Held:
        people.append(one)
        person = {"record": one.record(), "salt": made_up_salt(office.device, office.seq + 1)}
        return office.append("listed", tps=tps, at="2024-06-20T08:00:00+09:00", source="dp4-2024", person=person)

    villages = sorted({tps[:10] for tps in mimika.tps_codes(DISTRICT)})
    lists = {
        village: {tps: [listed(tps, one) for one in mimika.people(tps)] for tps in mimika.tps_codes(village)}
        for village in villages
    }
    plan = Plan(ELECTION, 9404, mimika.tps_codes(DISTRICT), contract.policies())
    days = [village_day(plan, village, lists[village]) for village in villages]
    phones = [phone for day in days for phone in day.phones]
    phones.append(district_day(plan, DISTRICT, [about for day in days for about in day.contested]))
    on_lists = [held for village in lists.values() for tps in village.values() for held in tps]
    return District(people, on_lists + [held for phone in phones for held in phone.said])


@pytest.fixture(scope="module")
def log(district: District, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("particulars") / "log"

    async def read(after: int, limit: int) -> Sequence[Message]:
        some = district.events[after : after + limit]
        return [Message(after + nth, held.event_bytes) for nth, held in enumerate(some, 1)]

    async def build() -> None:
        with LogFolder(folder).opened() as store:
            key = key_from_seed("ed25519", bytes(31) + b"\1")
            builder = LogBuilder(store, "log.example", key, read, election=ELECTION, regency="9404")
            await builder.open()
            await builder.step(Rolled(len(district.events), {"ECOKLIT-x": 1}, {"9404": bytes(32), DISTRICT: bytes(32)}))

    asyncio.run(build())
    return folder


def leaks(entries: bytes, people: Sequence[mimika.MadeUp]) -> Iterator[bytes]:
    """Numbers of identity cards, anything that somebody's record says, and text that is no word, id, code or hash."""
    secret = {str(value).encode() for one in people for name in PERSONAL if (value := getattr(one, name))}
    yield from NUMBER.findall(entries)
    for text in set(TEXT.findall(entries)):
        if text in secret or PLAIN.fullmatch(text) is None:
            yield text


def test_tiles_and_bundles_say_nothing_of_a_person(district: District, log: Path) -> None:
    """Of 1,169 people and all that was found out about them, no number, name, birth date or address is in any file."""
    assert len(district.people) == 1_169 and len(district.events) > 2_300
    bundles = b"\n".join(path.read_bytes() for path in sorted(log.rglob("bundles/**/*")) if path.is_file())
    assert b'"type":"deceased"' in bundles and b'"type":"ruled"' in bundles
    assert list(leaks(bundles, district.people)) == []
    others = [
        path.read_bytes() for path in sorted(log.rglob("*")) if path.is_file() and log / "bundles" not in path.parents
    ]
    names = {one.name.encode() for one in district.people[::10]}
    for data in others:
        assert not NUMBER.findall(data) and not any(name in data for name in names)


def test_the_scan_finds_what_it_looks_for(district: District) -> None:
    """The same scan of one person's bytes, or of an event with a word too many, finds them."""
    listed = district.events[0]
    assert listed.person_bytes is not None
    one = district.people[0]
    found = set(leaks(listed.event_bytes + listed.person_bytes, district.people))
    assert {one.name.encode(), one.birth_date.encode(), str(one.nik).encode()} <= found
    assert list(leaks(listed.event_bytes.replace(b'"source":"dp4-2024"', b'"source":"ibu ani"'), [])) == [b"ibu ani"]
