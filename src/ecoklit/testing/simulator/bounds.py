"""Bounds so small that a few voters reach them: pages, pushes and steps come in several parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

from ecoklit.field import client
from ecoklit.services import project

PAGE_VOTERS_MAX: Final = 2
PUSH_EVENTS_MAX: Final = 4
REFOLDED_MAX: Final = 3
BATCH_EVENTS_MAX: Final = 7


@contextmanager
def small() -> Iterator[None]:
    """Within it, a page of a pull, a push, and a step that the registry makes necessary are small."""
    with (
        patch.object(client, "PAGE_VOTERS_MAX", PAGE_VOTERS_MAX),
        patch.object(client, "PUSH_EVENTS_MAX", PUSH_EVENTS_MAX),
        patch.object(project, "REFOLDED_MAX", REFOLDED_MAX),
    ):
        yield
