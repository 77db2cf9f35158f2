"""A list goes from its file into a real journal, and is there once."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.listing_index import INDEX_FILE, SqliteListingIndex, office_key
from ecoklit.adapters.spreadsheet import read_rows
from ecoklit.contract import data_path, policies
from ecoklit.core import wire
from ecoklit.core.codebook import parse_codebook
from ecoklit.core.replica import fold
from ecoklit.core.wire import Held
from ecoklit.ports import Journal
from ecoklit.services.group_commit import GroupCommit
from ecoklit.services.listing import Import, Office, Summary, office_log, signed_push
from ecoklit.services.listing_journal import events_about, learn
from ecoklit.testing import mimika
from ecoklit.testing.made_up_registry import MadeUpElection
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

VILLAGE = "9404092003"
AT = "2024-06-25T09:00:00+09:00"
REGISTRY = MemoryRegistryJournal()
BOOK = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())


@asynccontextmanager
async def opened(server: EmbeddedNats, election: str) -> AsyncIterator[Journal]:
    async with await JetStreamJournal.open(
        server.url, election=election, regency=mimika.REGENCY, monitor_url=server.monitor_url
    ) as journal:
        yield journal


async def imported(journal: Journal, made_up: MadeUpElection, folder: Path, file: Path) -> Summary:
    election, key = made_up.election, office_key(folder)
    signer = made_up.device("kpu")
    device = signer.device
    commits = GroupCommit(journal)
    door = await made_up.door(journal, REGISTRY, commits.submit)

    async def push(lines: list[bytes]) -> None:
        await door.push(signed_push(signer, election, lines))

    async def seen(voters: Collection[str]) -> Mapping[str, Sequence[Held]]:
        return await events_about(journal, voters)

    try:
        with SqliteListingIndex(folder, device, key) as index:
            await learn(journal, index, device=device, key=key)
            log = office_log(index, election=election, device=device, officer="kpu-mimika", policy="2024-1")
            office = Office(log, index, key=key, book=BOOK, salt=lambda: secrets.token_bytes(16), push=push, seen=seen)
            return await office.import_list(read_rows(file), Import(VILLAGE, "dp4-2024", AT))
    finally:
        await commits.close()


async def lines(journal: Journal) -> list[Held]:
    persons = {(one.device, one.seq): one.payload for one in await journal.read_persons(0, 10_000)}
    events = [wire.hold(one.payload, None) for one in await journal.read_events(0, 10_000)]
    return [wire.hold(one.event_bytes, persons[one.dot]) for one in events]


async def test_a_village_is_imported_corrected_and_learned_again(nats_server: EmbeddedNats, tmp_path: Path) -> None:
    """From XLSX, again from XLSX, corrected from CSV, and once more without the index: each voter once, on the roll."""
    election = f"import-{secrets.token_hex(4)}"
    file, corrected = tmp_path / mimika.file_name(VILLAGE), tmp_path / mimika.file_name(VILLAGE, ".csv")
    rows = list(mimika.model_a_rows(VILLAGE, BOOK))
    count = mimika.write_workbook(file, rows)
    mimika.write_rows(corrected, [(*cells[:7], f"{cells[7]} B", *cells[8:]) for cells in rows[:20]] + rows[20:])
    made_up = MadeUpElection(election, mimika.REGENCY)
    async with opened(nats_server, election) as journal:
        first = await imported(journal, made_up, tmp_path / "office", file)
        again = await imported(journal, made_up, tmp_path / "office", file)
        third = await imported(journal, made_up, tmp_path / "office", corrected)
        (tmp_path / "office" / INDEX_FILE).unlink()
        fourth = await imported(journal, made_up, tmp_path / "office", corrected)
        held = await lines(journal)
    assert first.outcomes == {"listed": count, "changed": 0, "unchanged": 0, "refused": 0}
    assert again.outcomes["unchanged"] == count and again.pushed == 0
    assert third.outcomes == {"listed": 0, "changed": 20, "unchanged": count - 20, "refused": 0}
    assert fourth.outcomes["unchanged"] == count and fourth.pushed == 0 and not fourth.gone
    folded = fold(held, policies())
    assert len(held) == count + 20 and len(folded.states()) == count
    assert all(folded.standing(one.hash).name == "counted" for one in held)
    rolls = Counter(state.decision.tps for state in folded.states())
    assert rolls == {tps.code: tps.voters for tps in mimika.polling_places(VILLAGE)}
