"""Carrying out erasures: killed between any two steps, the next run finishes it; what is behind waits."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from msgspec import UNSET

from ecoklit.core import ids
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.ports import PersonMessage, Position
from ecoklit.ports.erasure import IsErased, Projected
from ecoklit.services.erasure import Erased, Eraser
from ecoklit.testing.made_up_registry import MadeUpElection

ELECTION, REGENCY, DEVICE = "pilkada-2024", "9404", "a" * 16
ANNA, BUDI = (f"00000000-0000-8000-8000-00000000000{digit}" for digit in "12")
ORDER = ids.to_base64url(ids.sha256(b"Putusan 12"))


class Killed(Exception):
    """The machine stopped here."""


class Disk:
    """Everything that lasts: persons by sequence with their voter, pushes that are kept, and what the database's files
    still show. The operation of number `dies_at` is the last that is not carried out."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.persons = {1: ANNA, 2: BUDI, 3: ANNA, 4: ANNA}
        self.kept = [ANNA, BUDI, ANNA]
        self.shown = {ANNA, BUDI}
        self.deleted: set[str] = set()
        self.dies_at, self.operations = dies_at, 0
        self.behind = Projected(4, 10)

    def operate(self) -> None:
        self.operations += 1
        if self.operations - 1 == self.dies_at:
            raise Killed

    # --- ports.PersonStream, PersonShredder -----------------------------------------------------------------------

    async def last(self) -> Position:
        self.operate()
        return Position(4, 4)

    async def read_persons(self, after: int, limit: int) -> list[PersonMessage]:
        self.operate()
        return [PersonMessage(at, DEVICE, at, b"{}") for at in sorted(self.persons) if at > after][: min(limit, 2)]

    async def persons_at(self, dots: Collection[tuple[str, int]]) -> list[int]:
        self.operate()
        return sorted(seq for _, seq in dots if seq in self.persons)

    async def shred(self, sequences: Sequence[int]) -> None:
        for sequence in sequences:
            self.operate()
            self.persons.pop(sequence, None)

    # --- ports.ErasureReader, KeptPushes --------------------------------------------------------------------------

    async def projected(self) -> Projected:
        self.operate()
        return self.behind

    async def dots_of(self, voters: Collection[str]) -> list[tuple[str, int]]:
        self.operate()
        return [(DEVICE, seq) for seq, voter in {1: ANNA, 2: BUDI, 3: ANNA, 4: ANNA}.items() if voter in voters]

    async def rewrite(self) -> None:
        self.operate()
        self.shown -= self.deleted

    def erase(self, is_erased: IsErased) -> int:
        self.operate()
        before, self.kept = self.kept, [voter for voter in self.kept if not is_erased(voter)]
        return len(before) - len(self.kept)


def registry_of(*voters: str | None) -> Registry:
    """A registry that erases these voters; None is everybody."""
    made_up = MadeUpElection(ELECTION, REGENCY)
    for voter in voters:
        made_up.say(made_up.root, "erased", order=ORDER, **({} if voter is None else {"voter": voter}))
    return fold_registry(ELECTION, REGENCY, list(enumerate(made_up.registry, start=1)))


def eraser(disk: Disk) -> Eraser:
    return Eraser(disk, disk, disk, [disk])


@pytest.mark.parametrize("whom", [ANNA, None], ids=["one voter", "everybody"])
async def test_killed_anywhere_it_is_finished_by_the_next_start(whom: str | None) -> None:
    """Whatever step it dies at, the next start leaves what an unbroken run does, and the one after finds none."""
    registry, deaths = registry_of(whom), 0
    unbroken = Disk()
    unbroken.deleted = {ANNA, BUDI} if whom is None else {ANNA}
    assert await eraser(unbroken).carry_out(registry) == (Erased(4, 3) if whom is None else Erased(3, 2))
    for dies_at in range(unbroken.operations):
        disk = Disk(dies_at)
        disk.deleted = unbroken.deleted
        with pytest.raises(Killed):
            await eraser(disk).carry_out(registry)
        disk.dies_at, deaths = None, deaths + 1
        assert await eraser(disk).carry_out(registry) is not None
        assert (disk.persons, disk.kept, disk.shown) == (unbroken.persons, unbroken.kept, unbroken.shown), dies_at
        assert await eraser(disk).carry_out(registry) == Erased(0, 0)
        assert await eraser(disk).left(registry) == 0
    assert deaths >= 8
    assert ANNA not in unbroken.persons.values() and ANNA not in unbroken.kept and ANNA not in unbroken.shown


@pytest.mark.parametrize("behind", [Projected(3, 10), Projected(4, 1)], ids=["of events", "of the registry"])
async def test_a_roll_that_is_behind_is_waited_for(behind: Projected) -> None:
    """While the roll lacks events or the order, it does not know whose persons are whose: nothing is touched."""
    disk, registry = Disk(), registry_of(ANNA)
    disk.behind = behind if behind.events < 4 else Projected(4, registry.position - 1)
    assert await eraser(disk).carry_out(registry) is None
    assert (len(disk.persons), len(disk.kept), disk.operations) == (4, 3, 2)


async def test_a_restored_journal_is_cleaned_again() -> None:
    """No mark says that it is done: persons that come back with an older copy are found and destroyed."""
    disk, registry = Disk(), registry_of(ANNA)
    one = eraser(disk)
    await one.carry_out(registry)
    disk.persons[3] = ANNA
    assert await one.left(registry) == 1
    assert await one.carry_out(registry) == Erased(1, 0)
    assert disk.persons == {2: BUDI}


async def test_without_an_order_nothing_is_asked() -> None:
    """A registry that erases nobody costs nothing."""
    disk = Disk()
    assert await eraser(disk).carry_out(registry_of()) == Erased(0, 0)
    assert disk.operations == 0 and not [one for one in registry_of().erasures if one.event.voter is UNSET]
