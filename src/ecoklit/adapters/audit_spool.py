"""Where an audit keeps what it sorts: files of chunks, each written by one process, read once, and thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

Chunk = TypeVar("Chunk")


class AuditSpool:
    """Chunks by a name, in `folder`. What was written under one name by several writers is read together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, writer: int, chunk: Any) -> None:
        data = msgspec.msgpack.encode(chunk)
        with (self._folder / f"{name}.{writer:06}").open("ab") as file:
            file.write(len(data).to_bytes(8, "little") + data)

    def take(self, name: str, kind: type[Chunk]) -> Iterator[Chunk]:
        """All chunks of that name, by writer, in the order in which each wrote them."""
        decoder = msgspec.msgpack.Decoder(kind)
        for path in sorted(self._folder.glob(f"{name}.??????")):
            data = path.read_bytes()
            at = 0
            while at < len(data):
                end = at + 8 + int.from_bytes(data[at : at + 8], "little")
                yield decoder.decode(data[at + 8 : end])
                at = end
