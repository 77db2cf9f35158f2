"""Every vector file by name."""

from __future__ import annotations

from typing import Any

from ecoklit.testing.vectors import bytes_and_names, codes, one_event, pulls, pushes, receipts, registry, verifiers
from ecoklit.testing.vectors.stories import STORIES
from ecoklit.testing.vectors.story import told


def files() -> dict[str, dict[str, Any]]:
    return {
        "canonical.json": bytes_and_names.canonical(),
        "names.json": bytes_and_names.names(),
        "lines.json": one_event.lines(),
        "events.json": one_event.events(),
        "persons.json": one_event.persons(),
        "clocks.json": one_event.clocks(),
        "digests.json": bytes_and_names.digests(),
        "signatures.json": bytes_and_names.signatures(),
        "refusals.json": pushes.refusals(),
        "receipts.json": receipts.receipts(),
        "registry.json": registry.registry(),
        "codes.json": codes.codes(),
        "pulls.json": pulls.pulls(),
        "verifiers.json": verifiers.verifiers(),
        **{f"stories/{story.name}.json": told(story) for story in STORIES},
    }
