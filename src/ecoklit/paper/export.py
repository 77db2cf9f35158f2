"""Lists as pages: Model A-Daftar Pemilih as PDF. typst comes with the extra `paper`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecoklit import contract
from ecoklit.core.codebook import Codebook
from ecoklit.paper.forms import roll_document
from ecoklit.paper.sheet import pdf
from ecoklit.ports import LIST_COLUMNS, ListHead, ListRow, RollAnswer


class PaperFile:
    """`ports.ListFile` as PDF: all its rolls are in memory until it is closed."""

    def __init__(self, path: Path, head: ListHead) -> None:
        self._path = path
        self._head = head
        self._book: Codebook = contract.codebook(head.codebook)
        self._names = [column.name for column in head.columns] or LIST_COLUMNS
        self._rolls: list[RollAnswer] = []

    def write(self, tps: str, digest: bytes, rows: Sequence[ListRow]) -> None:
        said = [dict(zip(self._names, row, strict=True)) for row in rows]
        self._rolls.append(RollAnswer(self._head.as_of, tps, digest, said))

    def close(self, digest: bytes) -> None:
        document = roll_document(
            self._rolls,
            self._book,
            recipient=self._head.recipient,
            when=f"{self._head.asked_at}, ekspor {self._head.export}",
            is_spaced=False,
            supervised=bool(self._head.columns),
        )
        self._path.write_bytes(pdf(document))
