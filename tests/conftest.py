"""Fixtures for many tests: the real broker and the real database, on ports and in folders of their own."""

from __future__ import annotations

# --- the broker ------------------------------------------------------------------------------------------------------
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_nats import EmbeddedNats


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def nats_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    """One real nats-server for the whole run; every test takes an election name of its own. Never stop or kill it."""
    folder: Path = tmp_path_factory.mktemp("nats")
    async with await EmbeddedNats.start(folder) as server:
        yield server


# --- the database ----------------------------------------------------------------------------------------------------
