"""Whoever changes an exported journal or the roll is found: a few of the thousand seeds of `make manipulate`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ecoklit.bootstrap.auditing import audit_folder
from ecoklit.services.audit import Audit, Published
from ecoklit.testing.chaos.manipulate import World, attempt, make_world


def audited(folder: str, published: Published, root: str) -> Audit:
    return audit_folder(folder, published=[published], root=root)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return asyncio.run(make_world(tmp_path_factory.mktemp("manipulate") / "sound"))


@pytest.mark.parametrize("tens", range(5))
def test_every_manipulation_is_found_and_its_place_named(world: World, tmp_path: Path, tens: int) -> None:
    """Bits flipped, messages dropped, put in, doubled, reordered, cut off, also with an index made anew, and rows of
    the roll: the audit is never sound, and names the file, the device or the voter."""
    for seed in range(tens * 10, tens * 10 + 10):
        outcome = attempt(world, seed, tmp_path, audited)
        assert outcome.is_found and outcome.is_named, (seed, outcome)
