"""Power lost anywhere in a whole day, its syncs included: the next syncs come to the fold of a quiet day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoklit.core import ids
from ecoklit.core.signing import ED25519, key_from_seed
from ecoklit.field import enrolment
from ecoklit.field.phone import SEED_BYTES, Phone
from ecoklit.testing.dying_connection import Dying, PowerLost
from ecoklit.testing.field_world import TPS, World, chance
from ecoklit.testing.memory_door import MemoryDoor

VOTERS = 4
ENDS = ("commit",)
"""A transaction that is not committed is none (test_outbox.py), so that these are all the states of a disk."""
KEY = key_from_seed(ED25519, chance("a")(SEED_BYTES))


@pytest.fixture(autouse=True)
def power() -> Iterator[None]:
    Dying.reset()
    yield
    Dying.reset()


class Day:
    """An officer's day, which goes on wherever it stood: enrolled, two visits, synced, two more, reported, synced."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, MemoryDoor, voters=VOTERS, connection=Dying)
        # What only a pull brings: a cursor that is kept before its page would lose it.
        other = self.world.phone("b", "p-2")
        other.say("not_met", other.roll(TPS)[0].state.decision.voter, why="absent")
        self.world.sync(other)
        self.file = self.world.enrol(KEY, "p-1", send=False)
        self.saved: list[bytes] = []

    def work(self) -> Phone:
        phone = self.world.open("a")
        assert phone.identity().key == KEY
        if not phone.outbox.about().election:
            enrolment.take(phone.outbox, enrolment.read(self.file, KEY), service="memory")
            phone.reload()
        self._visit(phone, 1, 2)
        self.world.sync(phone)
        self._visit(phone, 3, 4)
        if phone.outbox.registry_end(KEY.device)[0] == 0:
            phone.report()
        self.world.sync(phone)
        return phone

    def _visit(self, phone: Phone, *numbers: int) -> None:
        for entry in phone.roll(TPS):
            if entry.number in numbers and entry.state.decision.verdict == "unvisited":
                said = phone.say("found", entry.state.decision.voter, how="in_person")
                self.saved.append(said.held.hash)


def test_power_lost_anywhere_in_a_day_ends_at_one_fold(memory_folder: Path) -> None:
    """Whichever transaction of the store is the first one lost, all that was called saved is with the service, once,
    and both come to the digest, the numbers and the report of a day on which nothing happened."""
    quiet = Day(memory_folder / "quiet")
    Dying.reset(only=ENDS)
    phone = quiet.work()
    statements = Dying.taken
    digest, numbers = phone.digest(TPS), phone.outbox.numbers()
    assert statements > 15
    for left in range(statements):
        day = Day(memory_folder / f"{left}")
        Dying.reset(left, only=ENDS)
        with pytest.raises(PowerLost):
            day.work()
        Dying.reset()
        phone = day.work()
        door = day.world.door
        own = [one.hash for one in phone.outbox.own(KEY.device)]
        assert set(day.saved) <= set(own), f"after transaction {left} what was called saved is gone"
        assert [one.held.hash for one in door.log(KEY.device)] == own, f"after transaction {left}"
        assert (phone.digest(TPS), door.digest(TPS), phone.outbox.numbers()) == (digest, digest, numbers)
        assert phone.status().proved and not phone.outbox.is_unsent()
        reports = [line for line in door.registry_lines if line.device == KEY.device]
        assert len(reports) == 1
        assert [line.line for line in door.registry_lines] == phone.outbox.registry_known() + (
            [reports[0].line] if len(phone.outbox.registry_known()) < len(door.registry_lines) else []
        )
        assert len({one.held.dot for one in door.stored}) == len(door.stored)
        day.world.close()
    assert ids.is_hash(digest or "")
