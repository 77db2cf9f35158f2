"""What a transparency log and a registry say that the roll came to: for an audit to hold its fold against."""

from __future__ import annotations

from collections.abc import Iterator

from ecoklit.core import ids
from ecoklit.core.registry import Registry
from ecoklit.services.audit import Published
from ecoklit.services.log_check import LogReader
from ecoklit.tlog.entry import Kind, kind_of, read_digests
from ecoklit.tlog.tile import ENTRIES, WIDTH, tile_of


def stated_in_log(size: int, bundles: LogReader, registry: Registry, until: int) -> Published | None:
    """The last statement in a log of `size` entries that speaks of no event beyond `until`; None where there is none.

    Whether the entries are those of a signed tree is not asked here (`ecoklit log verify`). Raises LogFault.
    """
    stream = f"ECOKLIT-{registry.election}-{registry.regency}"
    for number, entry in _backwards(size, bundles):
        if kind_of(entry) is not Kind.DIGESTS:
            continue
        stated = read_digests(entry)
        events = stated.position.get(stream, 0)
        if (stated.election, stated.regency) == (registry.election, registry.regency) and events <= until:
            digests = {code: ids.from_base64url(digest) for code, digest in stated.digests.items()}
            return Published(f"log entry {number}", events, stated.position.get(f"{stream}-registry"), digests)
    return None


def _backwards(size: int, bundles: LogReader) -> Iterator[tuple[int, bytes]]:
    for nth in range((size - 1) // WIDTH, -1, -1):
        bundle = tile_of(size, ENTRIES, nth)
        if bundle is not None:
            entries = bundles.entries(bundle)
            yield from ((nth * WIDTH + at, entries[at]) for at in range(len(entries) - 1, -1, -1))


def stages_of(registry: Registry, until: int) -> list[Published]:
    """What each frozen list was said to come to, up to event `until`."""
    stream = f"ECOKLIT-{registry.election}-{registry.regency}"
    found = []
    for frozen in registry.stages:
        event = frozen.event
        events = event.position.get(stream, 0)
        if events <= until:
            digests = {event.area: ids.from_base64url(event.digest)}
            judged = event.position.get(f"{stream}-registry")
            found.append(Published(f"stage {event.stage} of {event.area}", events, judged, digests))
    return found
