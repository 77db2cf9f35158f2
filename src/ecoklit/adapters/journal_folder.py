"""An exported journal as files: compressed segments that check themselves, and one index that commits them.

index.json                   what there is (core/segment.py); replaced as the last act of a step
registry/000000000001.zst    the registry's lines from position 1 on
events/000000000001.zst      events, with what rides on them
persons/000000000001.zst     persons; absent from an export for somebody who may not see them

A crash leaves segments that no index names: the next run writes over them. Segments never change once they are named,
so a copy is brought up to date by its new files and the index.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.request
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Final

from ecoklit.core.event import Malformed
from ecoklit.core.segment import (
    EVENTS,
    PERSONS,
    REGISTRY,
    SEGMENT_BYTES_MAX,
    Index,
    Message,
    Part,
    Segment,
    file_name,
    messages_of,
    pack,
    read_index,
    unpack,
    write_index,
)
from ecoklit.errors import EcoklitError
from ecoklit.ports import EventMessage, PersonMessage, Position, RegistryMessage
from ecoklit.ports.journal_source import JournalSource, SegmentDamaged, SegmentSource

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

INDEX: Final = "index.json"
INDEX_BYTES_MAX: Final = 64 * 1024 * 1024
ZSTD_LEVEL: Final = 3
ANSWER_SECONDS_MAX: Final = 30.0
SCHEMES: Final = ("http://", "https://")


class JournalFolder:
    """An exported journal in `folder`. Keeps `ports.SegmentStore`; only whoever holds `opened` may write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def opened(self) -> Iterator[JournalFolder]:
        """Hold the folder, made if it is absent, for this process alone. Raises EcoklitError export_in_use."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EcoklitError(
                    "export_in_use", f"Another ecoklit exports into {self.folder}: let it end, then try again."
                ) from None
            yield self
        finally:
            os.close(lock)

    def index(self) -> Index:
        found = self.index_or_none()
        if found is None:
            raise _no_export(str(self.folder))
        return found

    def index_or_none(self) -> Index | None:
        try:
            data = (self.folder / INDEX).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _index_in(str(self.folder / INDEX), data)

    def read(self, part: Part) -> Segment:
        try:
            data = (self.folder / part.file).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise SegmentDamaged(part.file, "is not there") from None
        return _segment_in(part, data)

    def put(self, stream: str, messages: Sequence[Message]) -> Part:
        name = file_name(stream, messages[0][0])
        data = zstd.compress(pack(stream, messages), ZSTD_LEVEL)
        self._write(name, data)
        digest = hashlib.sha256(data).hexdigest()
        return Part(name, stream, messages[0][0], messages[-1][0], len(messages), len(data), digest)

    def commit(self, index: Index) -> None:
        self._write(INDEX, write_index(index))

    def _write(self, name: str, data: bytes) -> None:
        """The file is there whole or not at all, also after a power cut."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, mode=0o700)
        aside = path.with_name(f"{path.name}.new")
        with aside.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class JournalUrl:
    """The same below an address, such as https://audit.example.id/9404. Keeps `ports.SegmentSource`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def index(self) -> Index:
        data = self._fetch(INDEX, INDEX_BYTES_MAX)
        if data is None:
            raise _no_export("that address")
        return _index_in(INDEX, data)

    def read(self, part: Part) -> Segment:
        data = self._fetch(part.file, part.bytes)
        if data is None:
            raise SegmentDamaged(part.file, "is not there")
        return _segment_in(part, data)

    def _fetch(self, path: str, bytes_max: int) -> bytes | None:
        try:
            with urllib.request.urlopen(f"{self._url}/{path}", timeout=ANSWER_SECONDS_MAX) as answer:
                data: bytes = answer.read(bytes_max + 1)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                return None
            raise EcoklitError("log_unavailable", f"The address answered {error.code}: try again later.") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise EcoklitError("log_unavailable", "Nobody answers there: mend the address, or try later.") from error
        if len(data) > bytes_max:
            raise SegmentDamaged(path, "is longer than the index says")
        return data


class SegmentJournal:
    """The events and persons of an exported journal, read as those of a live one. Keeps `ports.JournalReader`."""

    def __init__(self, segments: SegmentSource) -> None:
        self._index = segments.index()
        self._events = _Stream(segments, self._index, EVENTS)
        self._persons = _Stream(segments, self._index, PERSONS)

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        return [EventMessage(at, device, body, own) for at, device, _, body, own in self._events.read(after, limit)]

    async def read_persons(self, after: int, limit: int) -> list[PersonMessage]:
        return [PersonMessage(at, device, seq, body) for at, device, seq, body, _ in self._persons.read(after, limit)]

    async def last(self) -> Position:
        return Position(self._index.ends.get(EVENTS, 0), self._index.ends.get(PERSONS, 0))


class SegmentRegistry:
    """The registry of an exported journal. Keeps `ports.RegistryReader`."""

    def __init__(self, segments: SegmentSource) -> None:
        self._index = segments.index()
        self._lines = _Stream(segments, self._index, REGISTRY)

    async def read(self, after: int, limit: int) -> list[RegistryMessage]:
        return [RegistryMessage(at, device, line) for at, device, _, line, _ in self._lines.read(after, limit)]

    async def last(self) -> int:
        return self._index.ends.get(REGISTRY, 0)


class _Stream:
    """The messages of one stream; the segment that was read last is kept."""

    def __init__(self, segments: SegmentSource, index: Index, stream: str) -> None:
        self._segments = segments
        self._parts = index.of(stream)
        self._kept: tuple[Part, list[Message]] | None = None

    def read(self, after: int, limit: int) -> list[Message]:
        part = next((part for part in self._parts if part.last > after), None)
        if part is None or limit < 1:
            return []
        if self._kept is None or self._kept[0] is not part:
            self._kept = (part, list(messages_of(self._segments.read(part))))
        messages = self._kept[1]
        start = bisect_right(messages, after, key=itemgetter(0))
        return messages[start : start + limit]


def source_of(source: str) -> JournalSource:
    """The exported journal in a folder or at an address, to be read as a live one."""
    segments = segments_at(source)
    index = segments.index()
    journal, registry = SegmentJournal(segments), SegmentRegistry(segments)
    return JournalSource(index.election, index.regency, journal, registry, index.has_persons)


def segments_at(source: str) -> JournalFolder | JournalUrl:
    """The exported journal in a folder, or at an address (https://…)."""
    return JournalUrl(source) if source.startswith(SCHEMES) else JournalFolder(Path(source))


def _no_export(where: str) -> EcoklitError:
    return EcoklitError(
        "no_export", f"There is no exported journal in {where}: name the folder that 'ecoklit journal export' wrote."
    )


def _index_in(name: str, data: bytes) -> Index:
    try:
        return read_index(data)
    except Malformed as error:
        raise SegmentDamaged(name, f"is damaged ({error.message})") from error


def _segment_in(part: Part, data: bytes) -> Segment:
    if len(data) != part.bytes or hashlib.sha256(data).hexdigest() != part.sha256:
        raise SegmentDamaged(part.file, f"({part.stream} {part.first} to {part.last}) is not what the index says")
    try:
        decoder = zstd.ZstdDecompressor()
        plain = decoder.decompress(data, max_length=SEGMENT_BYTES_MAX)
        segment = unpack(plain)
    except (zstd.ZstdError, Malformed) as error:
        raise SegmentDamaged(part.file, f"({part.stream} {part.first} to {part.last}) cannot be read") from error
    if (segment.stream, segment.first, segment.last, len(segment)) != (part.stream, part.first, part.last, part.count):
        raise SegmentDamaged(part.file, f"holds other messages than {part.stream} {part.first} to {part.last}")
    return segment
