"""A segment of an exported journal: consecutive messages of one stream as columns, and the index that names them all.

A segment's bytes are the MessagePack form of `Segment`; in its file they are compressed. The index says of each file
its length and SHA-256, and of itself the same, so that a copy that was damaged on the way says so by itself. That
nobody changed it on purpose is what the signatures and chains inside say, and not the index.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from ecoklit.core import ids
from ecoklit.core.event import Malformed

EVENTS: Final = "events"
PERSONS: Final = "persons"
REGISTRY: Final = "registry"
STREAMS: Final = (REGISTRY, EVENTS, PERSONS)
"""Of an export."""

SEGMENT_MESSAGES_MAX: Final = 50_000
SEGMENT_BYTES_MAX: Final = 1_000_000_000
"""Of one unpacked: 50,000 messages of 16 KiB, and what goes with them."""
INDEX_VERSION: Final = 1

Headers = tuple[tuple[str, str], ...]
Message = tuple[int, str, int, bytes, Headers]
"""Sequence, device, seq (of a person; else 0), payload, and the headers of an event."""


class Segment(msgspec.Struct, frozen=True):
    """Messages `first` to `last` of a stream; persons may have holes between. Numbers are little-endian.

    `sequences` (8 bytes each), `device_of` (4, a place in `devices`), `seqs` (8, of persons), `lengths` (4, of each
    payload), `headers` (place, name and value) of the events that have any, and `payloads` one after the other.
    """

    stream: str
    first: int
    last: int
    devices: list[str]
    sequences: bytes
    device_of: bytes
    seqs: bytes
    lengths: bytes
    headers: list[tuple[int, list[tuple[str, str]]]]
    payloads: bytes

    def __len__(self) -> int:
        return len(self.lengths) // 4


class Part(msgspec.Struct, frozen=True):
    """One file of an export. `sha256` (hex) and `bytes` are of the file as it is."""

    file: str
    stream: str
    first: int
    last: int
    count: int
    bytes: int
    sha256: str


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """What an export holds. `ends` is, of each stream, the position up to which it was exported."""

    v: int = INDEX_VERSION
    election: str
    regency: str
    has_persons: bool
    ends: dict[str, int]
    parts: list[Part]

    def of(self, stream: str) -> list[Part]:
        return [part for part in self.parts if part.stream == stream]

    @property
    def positions(self) -> dict[str, int]:
        """Of each stream that was exported, where it ends."""
        return {stream: self.ends.get(stream, 0) for stream in STREAMS if stream != PERSONS or self.has_persons}


class _Sealed(msgspec.Struct):
    index: msgspec.Raw
    sha256: str


def pack(stream: str, messages: Sequence[Message]) -> bytes:
    """The bytes of a segment of these messages, at least one."""
    devices = {device: nth for nth, device in enumerate(dict.fromkeys(message[1] for message in messages))}
    sequences = [message[0] for message in messages]
    segment = Segment(
        stream,
        sequences[0],
        sequences[-1],
        list(devices),
        np.array(sequences, "<u8").tobytes(),
        np.array([devices[message[1]] for message in messages], "<u4").tobytes(),
        np.array([message[2] for message in messages], "<u8").tobytes() if stream == PERSONS else b"",
        np.array([len(message[3]) for message in messages], "<u4").tobytes(),
        [(at, list(message[4])) for at, message in enumerate(messages) if message[4]],
        b"".join([message[3] for message in messages]),
    )
    return msgspec.msgpack.encode(segment)


def unpack(data: bytes) -> Segment:
    """The segment; Malformed when it is none."""
    try:
        segment = _SEGMENTS.decode(data)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Malformed("it is no segment of a journal") from error
    count = len(segment)
    if (
        len(segment.lengths) != 4 * count
        or len(segment.device_of) != 4 * count
        or len(segment.sequences) != 8 * count
        or len(segment.seqs) not in (0, 8 * count)
        or (segment.stream == PERSONS) != bool(segment.seqs)
        or count == 0
        or int(np.frombuffer(segment.lengths, "<u4").sum(dtype=np.uint64)) != len(segment.payloads)
        or int(np.frombuffer(segment.device_of, "<u4").max()) >= len(segment.devices)
        or any(not 0 <= at < count for at, _ in segment.headers)
        or not _is_rising(segment)
    ):
        raise Malformed("its columns do not fit together")
    return segment


_SEGMENTS: Final = msgspec.msgpack.Decoder(Segment)


def _is_rising(segment: Segment) -> bool:
    sequences = np.frombuffer(segment.sequences, "<u8").astype(np.int64)
    ends = (int(sequences[0]), int(sequences[-1])) == (segment.first, segment.last)
    return ends and segment.first > 0 and bool((np.diff(sequences) > 0).all())


def payloads_of(segment: Segment) -> list[bytes]:
    """Each message's payload, in order."""
    data = segment.payloads
    ends = np.cumsum(np.frombuffer(segment.lengths, "<u4"), dtype=np.int64).tolist()
    return [data[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def messages_of(segment: Segment) -> Iterable[Message]:
    """The messages that `pack` was given."""
    headers = {at: tuple(own) for at, own in segment.headers}
    count = len(segment)
    seqs = np.frombuffer(segment.seqs, "<u8").tolist() if segment.seqs else [0] * count
    sequences, devices = (
        np.frombuffer(segment.sequences, "<u8").tolist(),
        np.frombuffer(segment.device_of, "<u4").tolist(),
    )
    for at, payload in enumerate(payloads_of(segment)):
        yield sequences[at], segment.devices[devices[at]], seqs[at], payload, headers.get(at, ())


def file_name(stream: str, first: int) -> str:
    """Where the segment that begins with message `first` is kept, below the folder of the export."""
    return f"{stream}/{first:012}.zst"


# --- the index -------------------------------------------------------------------------------------------------------


def write_index(index: Index) -> bytes:
    """The bytes of an index file."""
    body = msgspec.json.format(msgspec.json.encode(index), indent=1)
    return b'{"sha256":"%b","index":\n%b}\n' % (ids.sha256(body).hex().encode(), body)


def read_index(data: bytes) -> Index:
    """The index in a file's bytes; Malformed when it is none, or not as it was written."""
    try:
        sealed = msgspec.json.decode(data, type=_Sealed)
        index = msgspec.json.decode(sealed.index, type=Index)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed("it is no index of an exported journal") from error
    if index.v != INDEX_VERSION:
        raise Malformed(f"it is of version {index.v}; this program knows {INDEX_VERSION}")
    if write_index(index) != data:
        raise Malformed("it was changed since it was written")
    for stream in STREAMS:
        _demand_row(index, stream)
    return index


def _demand_row(index: Index, stream: str) -> None:
    """Malformed unless the parts of a stream follow each other."""
    last = 0
    for part in index.of(stream):
        if part.file != file_name(stream, part.first) or not 0 < part.bytes <= SEGMENT_BYTES_MAX:
            raise Malformed(f"it names a file {part.file[:60]}, which is none of an export")
        gapless = part.first == last + 1 and part.count == part.last - part.first + 1
        if not (last < part.first <= part.last and part.count > 0 and (gapless or stream == PERSONS)):
            raise Malformed(f"after {stream} {last} it goes on with {part.first} to {part.last}")
        last = part.last
    if last > index.ends.get(stream, 0) or (stream != PERSONS and last != index.ends.get(stream, 0)):
        raise Malformed(f"it ends {stream} at {index.ends.get(stream, 0)}, and its files at {last}")
