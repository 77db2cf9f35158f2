"""Faults of pulls, each as it was found."""

from __future__ import annotations

import json

import pytest

from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.ids import sha256
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.signing import Key, pull_message
from ecoklit.ports import Journal, PullCursor, PulledPage, Push
from ecoklit.services.nonce import Nonces
from ecoklit.services.project import JournalRestored
from ecoklit.services.pull import Pull, Puller
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_journal import MemoryJournal

ELECTION, REGENCY, TPS = "test-2024", "9404", "9404012001001"


async def test_lost_dots_are_told_as_of_the_page() -> None:
    """A page named the lost dots of this very moment beside a digest of before: the phone folded otherwise than it."""
    made_up = MadeUpElection(ELECTION, REGENCY)
    phone = made_up.device("phone")
    for name in ("one", "other"):
        made_up.say(made_up.root, "dots_lost", lost=made_up_device(1, name), after=0)
    last = len(made_up.lines)
    asked: list[int] = []

    class Projection:
        """It has not judged by the last line yet, or is ahead of what this process has read."""

        async def page(self, regency: str, tps: str, cursor: PullCursor | None, voters_max: int) -> PulledPage:
            return PulledPage([], PullCursor("a", 1), 1, judged_by, bytes(32), bytes(32))

    async def registry(reaching: int) -> Registry:
        asked.append(reaching)
        known = max(reaching, last - 1)
        return fold_registry(ELECTION, REGENCY, list(enumerate(made_up.registry[:known], start=1)))

    nonces = Nonces(bytes(32), lambda: 0.0)
    puller = Puller(election=ELECTION, regency=REGENCY, reader=Projection(), registry=registry, nonces=nonces)
    for judged_by, names in ((last - 2, []), (last - 1, ["one"]), (last, ["one", "other"])):
        nonce = nonces.issue()
        signature = phone.signature(pull_message(ELECTION, phone.device, nonce, TPS, ""))
        page = json.loads((await puller.pull(Pull(phone.device, nonce, signature, TPS, ""))).splitlines()[-1])["page"]
        assert page["registry"] == judged_by
        assert {one["device"] for one in page["lost"]} == {made_up_device(1, name) for name in names}
    assert asked == [0, last - 2, 0, last - 1, 0, last]


async def test_a_roll_of_another_journal_is_pulled_by_nobody() -> None:
    """After a restore, until the rebuild, pulls answered from the roll of before: phones kept what nobody held."""
    made_up = MadeUpElection(ELECTION, REGENCY)
    phone = made_up.device("phone")
    events = [log_event(phone, number) for number in range(2)]

    class Projection:
        """It was made from the journal that held the first event."""

        async def page(self, regency: str, tps: str, cursor: PullCursor | None, voters_max: int) -> PulledPage:
            return PulledPage([], PullCursor("a", 1), 1, 0, bytes(32), sha256(events[0]))

    async def registry(reaching: int) -> Registry:
        return fold_registry(ELECTION, REGENCY, list(enumerate(made_up.registry, start=1)))

    async def pulled(journal: Journal) -> None:
        puller = Puller(
            election=ELECTION, regency=REGENCY, reader=Projection(), registry=registry, nonces=nonces, journal=journal,
        )  # fmt: skip
        nonce = nonces.issue()
        signature = phone.signature(pull_message(ELECTION, phone.device, nonce, TPS, ""))
        await puller.pull(Pull(phone.device, nonce, signature, TPS, ""))

    nonces = Nonces(bytes(32), lambda: 0.0)
    same, other, empty = MemoryJournal(), MemoryJournal(), MemoryJournal()
    await same.append([Push(phone.device, 0, (events[0],))])
    await other.append([Push(phone.device, 0, (events[1],))])
    await pulled(same)
    for restored in (other, empty):
        with pytest.raises(JournalRestored, match="ecoklit rebuild"):
            await pulled(restored)


def log_event(phone: Key, number: int) -> bytes:
    log = DeviceLog(ELECTION, phone.device, officer="o-phone", role="pantarlih", policy="2024-1")
    at = f"2024-06-25T09:00:0{number}+09:00"
    person = {"record": dict.fromkeys(RECORD_FIELDS), "salt": "AAAAAAAAAAAAAAAAAAAAAA"}
    return log.append("new", tps=TPS, at=at, how="in_person", document="ktp_el", person=person).event_bytes
