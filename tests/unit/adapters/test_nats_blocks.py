"""The broker's blocks before it starts: a flipped bit in a sequence is put right, and nothing else is touched."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.jetstream import JetStreamJournal
from ecoklit.adapters.nats_blocks import put_right
from ecoklit.testing.opaque_log import OpaqueLog, device_name

RECORD_BYTES = 22 + 4 + 40 + 8
SEQUENCE_AT = 4
ERASED, DELETION = 1 << 63, 1 << 62


def block(folder: Path, sequences: Sequence[int]) -> Path:
    """A block of records of one length with these sequences, flags included."""
    file = folder / "store" / "jetstream" / "A" / "streams" / "S" / "msgs" / "1.blk"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"".join(struct.pack("<IQqH", RECORD_BYTES, one, 7, 4) + b"s.ab" + bytes(48) for one in sequences))
    return file


def sequences_of(file: Path) -> list[int]:
    data = file.read_bytes()
    return [struct.unpack_from("<Q", data, at + SEQUENCE_AT)[0] for at in range(0, len(data), RECORD_BYTES)]


@pytest.mark.parametrize("bit", [0, 3, 8, 28, 31, 40, 61])
@pytest.mark.parametrize("nth", [1, 4, 8])
def test_neighbours_say_what_a_sequence_is(tmp_path: Path, bit: int, nth: int) -> None:
    """Any bit of any sequence between two others is put right, and told; a second look finds nothing."""
    right = list(range(101, 111))
    file = block(tmp_path, [one ^ (1 << bit) * (at == nth) for at, one in enumerate(right)])
    (mended,) = put_right(tmp_path / "store")
    assert (mended.file, mended.sequence, mended.found) == (file, right[nth], right[nth] ^ 1 << bit)
    assert sequences_of(file) == right
    assert put_right(tmp_path / "store") == []


@pytest.mark.parametrize("nth", [0, 9])
def test_at_the_ends_only_what_cannot_be(tmp_path: Path, nth: int) -> None:
    """The first and the last record have one neighbour: a leap of millions is put right, a small one may be an
    erasure's, and stays."""
    right = list(range(101, 111))
    for bit, is_mended in ((28, True), (40, True), (3, False)):
        file = block(tmp_path / str(bit), [one ^ (1 << bit) * (at == nth) for at, one in enumerate(right)])
        assert (len(put_right(tmp_path / str(bit) / "store")) == 1) is is_mended
        assert (sequences_of(file) == right) is is_mended


@pytest.mark.parametrize(
    "lawful",
    [
        [2, 3 | ERASED, 4],
        [2, 4, 5, 7, 8, 12],
        [1, 2, 1 | DELETION, 3, 4, 2 | DELETION],
        [1 | ERASED, 2, 3, 7],
        [5],
        [],
        [1, 3],
        [6, 2**30, 2**30 + 1],
    ],
)
def test_what_an_erasure_leaves_is_no_fault(tmp_path: Path, lawful: list[int]) -> None:
    """Gaps, erased records and marks of deletions stay as they are."""
    file = block(tmp_path, lawful)
    assert put_right(tmp_path / "store") == [] and sequences_of(file) == lawful


@pytest.mark.parametrize("bit", [8, 28])
async def test_a_broker_starts_and_has_everything(tmp_path: Path, bit: int) -> None:
    """A real store with the bit flipped that kept nats-server from starting, or made it drop all that followed."""
    log = OpaqueLog(device_name(1))
    async with await EmbeddedNats.start(tmp_path) as broker, await opened(broker) as journal:
        await journal.append([log.push(20, 0)])
    (file,) = (tmp_path / "store").glob("**/ECOKLIT-blocks-2024-9404/msgs/*.blk")
    data, at = bytearray(file.read_bytes()), 0
    for _ in range(7):
        at += struct.unpack_from("<I", data, at)[0] & (1 << 31) - 1
    data[at + SEQUENCE_AT + bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)
    async with await EmbeddedNats.start(tmp_path) as broker, await opened(broker) as journal:
        assert [one.sequence for one in await journal.read_events(0, 100)] == list(range(1, 21))


async def opened(broker: EmbeddedNats) -> JetStreamJournal:
    return await JetStreamJournal.open(
        broker.url, election="blocks-2024", regency="9404", monitor_url=broker.monitor_url
    )
