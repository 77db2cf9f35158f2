"""Making the roll anew: the projection is disposable, and this proves it.

The journal is replayed into a shadow as far as the live roll had come, the digests of every area are compared, and
the shadow takes the live roll's place in one transaction. A difference means that the live roll was wrong, or that
the journal is not the one it was made from: then nothing is swapped unless that is accepted, and the areas that
differ are named.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from ecoklit.core import roll
from ecoklit.core.policy import Policy
from ecoklit.errors import EcoklitError
from ecoklit.ports import Checkpoint, Journal, Position, RegistryJournal, Rolls, RollStore
from ecoklit.services.project import Projector

REPLACED: Final = ("schema_version", "database_damaged")
"""Why a live roll that cannot be read is replaced and not compared."""


class JournalsMissing(EcoklitError):
    """Some regency of the live roll has no journal here, and a swap would lose it."""

    def __init__(self, message: str) -> None:
        super().__init__("journals_missing", message)


class Difference(msgspec.Struct, frozen=True):
    """An area or TPS whose live digest is not the one that the journal gives; None where one has no such area."""

    code: str
    live: bytes | None
    rebuilt: bytes | None


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild found. `compared` is False where the live roll was empty or could not be read."""

    positions: dict[str, Position]
    compared: bool
    differences: list[Difference]
    swapped: bool


async def rebuild(
    rolls: Rolls,
    journals: Mapping[str, Journal],
    policies: Mapping[str, Policy],
    *,
    election: str,
    registries: Mapping[str, RegistryJournal] | None = None,
    accept: bool = False,
) -> Rebuilt:
    """Make the rolls of the regencies of `journals` anew, and swap them in when they equal the live ones.

    `registries` judge them, each as far as the live roll had been judged. `accept` swaps also when they differ. Holds
    the live leases meanwhile, so no projector may run: raises RollTaken. Raises JournalsMissing, and what the projector
    raises; then the live rolls are as they were.
    """
    missing = sorted(set(await rolls.regencies()) - set(journals))
    if missing:
        raise JournalsMissing(
            f"The database also holds {', '.join(missing)}, which would be lost: rebuild with the journals of all."
        )
    live = {regency: rolls.live(regency) for regency in sorted(journals)}
    shadow = {regency: rolls.shadow(regency) for regency in sorted(journals)}
    try:
        checkpoints = {regency: await _checkpoint(store) for regency, store in live.items()}
        await rolls.clear()
        positions: dict[str, Position] = {}
        differences: list[Difference] = []
        for regency, journal in sorted(journals.items()):
            before = checkpoints[regency]
            projector = Projector(
                journal,
                shadow[regency],
                policies,
                election=election,
                regency=regency,
                registry=(registries or {}).get(regency),
            )
            judged_by = None if before is None else before.registry
            done = await projector.run_until_caught_up(_position(before), registry_until=judged_by)
            positions[regency] = Position(done.events, done.persons)
            found = None if before is None else await _compare(live[regency], shadow[regency])
            if found is None:
                checkpoints[regency] = None
            else:
                differences += found
        swapped = accept or not differences
        await (rolls.swap() if swapped else rolls.clear())
    finally:
        for store in (*shadow.values(), *live.values()):
            await store.close()
    compared = any(checkpoint is not None for checkpoint in checkpoints.values())
    return Rebuilt(positions, compared, differences, swapped)


async def _checkpoint(store: RollStore) -> Checkpoint | None:
    """How far the live roll had come; None when there is nothing to compare with."""
    try:
        checkpoint = await store.checkpoint()
    except EcoklitError as error:
        if error.code not in REPLACED:
            raise
        return None  # made by another program, or damaged: to replace it is what the rebuild is for
    return checkpoint if checkpoint.events else None


def _position(checkpoint: Checkpoint | None) -> Position | None:
    return None if checkpoint is None else Position(checkpoint.events, checkpoint.persons)


async def _compare(live: RollStore, rebuilt: RollStore) -> list[Difference] | None:
    """The areas that differ; None when the live roll is damaged, and cannot be read."""
    try:
        leaves = await live.leaves()
    except EcoklitError as error:
        if error.code not in REPLACED:
            raise
        return None
    was, is_now = roll.digests(leaves), roll.digests(await rebuilt.leaves())
    return [
        Difference(code, was.get(code), is_now.get(code))
        for code in sorted({*was, *is_now})
        if was.get(code) != is_now.get(code)
    ]
