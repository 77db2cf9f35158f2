"""Fixtures for many tests: the real broker and the real database, on ports and in folders of their own."""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import settings
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.contract import data_path

# How long an example takes is the machine's business: a test that could fail by it would be a timed test.
settings.register_profile("ecoklit", deadline=None)
settings.load_profile("ecoklit")


# --- the broker ------------------------------------------------------------------------------------------------------
@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def nats_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    """One real nats-server for the whole run; every test takes an election name of its own. Never stop or kill it."""
    folder: Path = tmp_path_factory.mktemp("nats")
    async with await EmbeddedNats.start(folder) as server:
        yield server


# --- the database ----------------------------------------------------------------------------------------------------
@pytest.fixture
def postgres_folder() -> Iterator[Path]:
    """A folder for a server of the test's own.

    Not below tmp_path: each pytest that starts shuts that to other accounts again, and as root the server has another.
    """
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server() -> AsyncIterator[EmbeddedPostgres]:
    """One real PostgreSQL for the whole run; every test takes a schema of its own. Never stop or kill it."""
    folder = Path(tempfile.mkdtemp(prefix="ecoklit-test-"))
    async with EmbeddedPostgres(folder / "postgres", fsync=False) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(loop_scope="session")
async def schema(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The name of a schema that no other test uses; it is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    yield name
    connection = await asyncpg.connect(postgres_server.dsn)
    for made in (name, f"{name}_rebuild", f"{name}_office"):
        await connection.execute(f"drop schema if exists {made} cascade")
    await connection.close()


# --- the published schemas -------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def contract_schema() -> Callable[[str], Draft202012Validator]:
    """The validator of a schema in events/schemas, by its name: `contract_schema("receipt").validate(…)`."""
    files = [file for file in data_path("events", "schemas").iterdir() if file.name.endswith(".json")]
    schemas = [json.loads(file.read_bytes()) for file in files]
    registry: Registry[Any] = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in schemas)

    def named(name: str) -> Draft202012Validator:
        found = next(one for one in schemas if one["$id"].endswith(f"/{name}.schema.json"))
        return Draft202012Validator(found, registry=registry)

    return named
