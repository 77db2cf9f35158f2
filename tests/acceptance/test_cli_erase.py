"""`ecoklit erase` as an office uses it: nothing on the disk says who it was, and everything still verifies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from commands import Folder, fresh_folder, up, wait_until
from test_cli_up import TPS, listing_of_one_village, open_election, shown

from ecoklit.core import ids


@pytest.fixture
def folder() -> Iterator[Folder]:
    """A data folder that does not exist yet."""
    with fresh_folder() as name:
        yield Folder(name / "data")


def where_it_is(data: Path, text: bytes) -> list[str]:
    """The files below the data folder that hold these bytes."""
    files = (path for path in data.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(str(path.relative_to(data)) for path in files if text in path.read_bytes())


def rooms(paths: list[str]) -> list[str]:
    return sorted({path.partition("/")[0] for path in paths})


def people(database_url: str) -> dict[str, dict[str, Any]]:
    """voter → the record that was listed, as the projection has it."""

    rows = asked(
        database_url,
        "select e.voter::text as voter, p.body from ecoklit.event e join ecoklit.person p"
        " on (p.regency, p.device, p.seq) = (e.regency, e.device, e.seq)",
    )
    return {row["voter"]: json.loads(row["body"])["record"] for row in rows}


def decisions(database_url: str) -> list[Any]:
    """What the digests are made of."""
    return asked(database_url, "select voter, decision from ecoklit.voter order by voter")


def name_of(voter: str, page: dict[str, Any]) -> str | None:
    (row,) = (row for row in page["voters"] if row["voter"] == voter)
    name: str | None = row["name"]
    return name


def asked(database_url: str, question: str) -> list[Any]:
    async def fetch() -> list[Any]:
        connection = await asyncpg.connect(database_url)
        try:
            return list(await connection.fetch(question))
        finally:
            await connection.close()

    return asyncio.run(fetch())


def test_nothing_on_the_disk_says_who_was_erased(folder: Folder, tmp_path: Path) -> None:
    """After the order neither the broker's files nor the database's have the voter's NIK; every decision is the same,
    the journal is found whole, a roll made anew equals it, and the order is listed with its document's hash."""
    file, rows = listing_of_one_village(tmp_path)
    open_election(folder.data)
    with up(folder) as running:
        assert folder.run("import", file).returncode == 0
        wait_until(lambda: shown(running, rows), "the roll shows all")
        known = people(running.where["database_url"])
        voter, record = next((voter, one) for voter, one in sorted(known.items()) if one["nik"])
        nik, other = record["nik"].encode(), next(one["nik"] for one in known.values() if one["nik"] != record["nik"])
        assert rooms(where_it_is(folder.data, nik)) == ["postgres"], "the broker's files are encrypted"
        before = decisions(running.where["database_url"])
        listed = [running.get(f"/v1/rolls/{TPS}") for _ in range(2)]  # the second from what the service keeps
        assert [name_of(voter, page) for page in listed] == [record["name"]] * 2

        assert folder.run("erase", voter, "--order-text", "Putusan 12").returncode == 0
        assert rooms(where_it_is(folder.data, nik)) == ["postgres"], "nothing is done without --yes"
        done = folder.run("erase", voter, "--order-text", "Putusan 12", "--yes", "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        said = json.loads(done.stdout)
        assert said["done"] and [one["voter"] for one in said["erased"]] == [voter]
        assert said["erased"][0]["order"] == ids.to_base64url(ids.sha256(b"Putusan 12"))
        assert decisions(running.where["database_url"]) == before
        moment = listed[0]["began"]
        for page in (running.get(f"/v1/rolls/{TPS}"), running.get(f"/v1/rolls/{TPS}?as_of={moment}")):
            assert (name_of(voter, page), page["digest"]) == (None, listed[0]["digest"])
        assert running.stop() == 0

    assert where_it_is(folder.data, nik) == []
    assert rooms(where_it_is(folder.data, other.encode())) == ["postgres"], "and nobody else's is gone"
    with up(folder) as running:
        again = people(running.where["database_url"])
        assert sorted(again) == sorted(known.keys() - {voter})
        inspected = folder.run("inspect", "--json")
        assert inspected.returncode == 0, inspected.stdout + inspected.stderr
        assert running.stop() == 0
    rebuilt = folder.run("rebuild", "--json")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout)["differences"] == []
    assert where_it_is(folder.data, nik) == []

    with up(folder) as running:
        ended = json.loads(folder.run("erase", "--election-ended", "--order-text", "PKPU", "--yes", "--json").stdout)
        assert (ended["done"], ended["persons"], ended["kept"]) == (True, rows - 1, rows - 1)
        assert [one["voter"] for one in ended["erased"]] == [voter, None]
        assert people(running.where["database_url"]) == {}
        assert decisions(running.where["database_url"]) == before
        assert folder.run("inspect", "--json").returncode == 0
        assert running.stop() == 0
    assert where_it_is(folder.data, other.encode()) == []
