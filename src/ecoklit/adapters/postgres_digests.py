"""What the roll in PostgreSQL comes to, for a log that states it."""

from __future__ import annotations

from typing import Final, NamedTuple

from ecoklit.adapters.postgres_reader import PostgresReader, demand_projected
from ecoklit.adapters.postgres_schema import query
from ecoklit.core import roll

DISTRICT_DIGITS: Final = 6


class ShownRoll(NamedTuple):
    """Every leaf of the roll of a regency, as TPS, voter and leaf hash, and sequences of the three streams."""

    events: int
    persons: int
    registry: int
    leaves: list[tuple[str, str, bytes]]


class StatedDigests(NamedTuple):
    """The digests of a regency and of its districts, by code, of one moment: sequences of the three streams."""

    events: int
    persons: int
    registry: int
    digests: dict[str, bytes]


async def state_digests(reader: PostgresReader, regency: str) -> StatedDigests:
    """As of the projection's checkpoint. Raises RollUnavailable, NotProjected."""
    now = await shown_roll(reader, regency)
    digests = roll.digests(now.leaves)
    shown = {code: digest for code, digest in digests.items() if code == regency or len(code) == DISTRICT_DIGITS}
    return StatedDigests(now.events, now.persons, now.registry, shown)


async def shown_roll(reader: PostgresReader, regency: str) -> ShownRoll:
    """As of the projection's checkpoint. Raises RollUnavailable, NotProjected."""
    async with reader.snapshot() as connection:
        await demand_projected(connection, regency)
        checkpoint = await connection.fetchrow(query("checkpoint"), regency)
        assert checkpoint is not None  # it is projected
        rows = await connection.fetch(query("leaves"), regency)
    leaves = [tuple(row) for row in rows]
    return ShownRoll(checkpoint["events"], checkpoint["persons"], checkpoint["registry"], leaves)
