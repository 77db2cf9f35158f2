"""Carrying out erasures: what the registry says is erased, is destroyed wherever this service keeps it (SPEC §8.7).

There is no mark of what was done. The registry says what is erased, and each place is asked whether it still has any
of it: so a crash between any two steps, and a store that was restored from an older copy, are finished by the next run,
which is the same as the first.

1. The roll must have learnt of the erasure, and of every event that is stored: it knows which events are whose.
2. The persons of these events are shredded in the journal.
3. The pushes that are kept as files are kept without them.
4. The database's files are written anew: its own deleted rows would stay in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import UNSET

from ecoklit.core.registry import Registry
from ecoklit.ports.erasure import ErasureReader, KeptPushes, PersonShredder, PersonStream

READ_PERSONS_MAX: Final = 2000


class Erased(NamedTuple):
    """What one run destroyed: persons in the journal, and in pushes that are kept as files; 0 when none was left."""

    persons: int
    kept: int


class Eraser:
    """Carries out every erasure of one regency, in these places."""

    def __init__(
        self, stream: PersonStream, shredder: PersonShredder, reader: ErasureReader, kept: Sequence[KeptPushes]
    ) -> None:
        self._stream = stream
        self._shredder = shredder
        self._reader = reader
        self._kept = kept
        self._rewritten = 0  # the registry position up to which the database's files were written anew

    async def carry_out(self, registry: Registry) -> Erased | None:
        """Destroy what is left of whoever is erased; None while the roll is behind, and nothing was done.

        Raises EcoklitError not_let_erase, not_projected, JournalError, RollError.
        """
        if not registry.erasures:
            return Erased(0, 0)
        last, projected = await self._stream.last(), await self._reader.projected()
        if projected.registry < registry.erasures[-1].position or projected.events < last.events:
            return None
        persons = await self._shred(registry)
        kept = sum(one.erase(registry.is_erased) for one in self._kept)
        if persons or kept or self._rewritten < registry.erasures[-1].position:
            await self._reader.rewrite()
            self._rewritten = registry.erasures[-1].position
        return Erased(persons, kept)

    async def left(self, registry: Registry) -> int:
        """How many persons the journal still has that are to be erased."""
        return len(await self._sequences(registry))

    async def _shred(self, registry: Registry) -> int:
        sequences = await self._sequences(registry)
        await self._shredder.shred(sequences)
        return len(sequences)

    async def _sequences(self, registry: Registry) -> list[int]:
        if registry.is_ended:
            return await self._all()
        voters = sorted({one.event.voter for one in registry.erasures if one.event.voter is not UNSET})
        return await self._stream.persons_at(await self._reader.dots_of(voters))

    async def _all(self) -> list[int]:
        sequences: list[int] = []
        while messages := await self._stream.read_persons(sequences[-1] if sequences else 0, READ_PERSONS_MAX):
            sequences += [message.sequence for message in messages]
        return sequences
