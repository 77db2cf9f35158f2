"""A list as files: for whom, as of which moment, and whole or not there.

An export is a folder: one file for each village (CSV and XLSX, as `ecoklit import` takes them) or district (Parquet,
Arrow), and `export.json`, which says of each file how long it is and what its digests are. All rows speak of one
moment.

The durable steps of `carried_on`, and what a crash leaves behind:

1. A file is written aside. A crash leaves nothing in sight; it is written again.
2. The file is in sight. A crash leaves a file that export.json does not name; it is written again, in its place.
3. export.json names it. From here on it is never written again.

What was exported before is another folder, and is never touched. A broken export goes on as of the same moment: from
the live rows while they are still of that moment, else from the journal, by `services.as_of`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from itertools import groupby
from typing import Any, Final

import msgspec

from ecoklit.core import ids, roll
from ecoklit.core.codebook import MARKED_COLUMNS, Codebook
from ecoklit.core.event import is_date
from ecoklit.core.list_digest import list_head, row_leaf
from ecoklit.core.merkle import EMPTY_HEAD
from ecoklit.core.watermark import marked
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    LIST_COLUMNS,
    AsOf,
    ExportedRoll,
    ExportFiles,
    ExportSource,
    ListHead,
    ListRow,
    PastReader,
    TableColumn,
)
from ecoklit.services.as_of import ON_LIST, Past
from ecoklit.services.disclose import SUPERVISOR, masked, shown
from ecoklit.services.tables import ROLL, Table

FORMATS: Final = {"csv": 10, "xlsx": 10, "parquet": 6, "arrow": 6, "pdf": 13}
"""Format → digits of the area that one file holds."""

SUFFIXES: Final = {"csv": ".csv", "xlsx": ".xlsx", "parquet": ".parquet", "arrow": ".arrows", "pdf": ".pdf"}
PAPER: Final = ("csv", "xlsx")
"""In the layout of Model A-Daftar Pemilih, with the digits and letters of a code book."""

TEXTS_KEPT_MAX: Final = 1 << 16  # names recur, and addresses more so
_FORMULA: Final = tuple("=+-@\t\r")
_BEFORE_FORMULA: Final = "\u00a0"
"""A cell that a spreadsheet would compute begins with a space that shows as one; an import drops it."""

_AT: Final = {column: place for place, column in enumerate(LIST_COLUMNS)}
_FIELDS: Final = slice(_AT["nkk"], _AT["ektp"] + 1)
WORDED: Final = ("name", "birth_place", "address")
"""The columns whose texts have several words, and carry the watermark."""
_WORDED: Final = tuple(_AT[name] for name in WORDED)
SUPERVISED_COLUMNS: Final = tuple(
    TableColumn(name, "integer" if name == "age" else "text")
    for name in ("tps", "name", "sex", "age", "address", "rt", "rw", "remark")
)
"""What a supervisor is given of a voter, and of which TPS."""
TABLE_ROWS_AT_ONCE: Final = 10_000


class Part(msgspec.Struct, frozen=True):
    """A file of an export. `digest` is that of its area's rolls, `list_digest` of what its rows say (both hex)."""

    file: str
    area: str
    rows: int
    bytes: int
    sha256: str
    digest: str
    list_digest: str


class Export(msgspec.Struct, frozen=True):
    """An export as export.json says it. `uncoded` counts cells for which the code book has no code: they stand as
    words. `is_supervised`: the copy for supervisors. A table, and that copy, have no digest of what they say.
    """

    export: str
    recipient: str
    area: str
    format: str
    codebook: str
    unmasked: bool
    as_of: AsOf
    registry: int
    asked_at: str
    state: str = "running"
    rows: int = 0
    uncoded: int = 0
    digest: str = ""
    list_digest: str = ""
    parts: tuple[Part, ...] = ()
    what: str = ROLL
    is_supervised: bool = False

    @property
    def is_done(self) -> bool:
        return self.state == "done"


OnPart = Callable[[Export], Awaitable[None]]
"""Is told of the export whenever a file of it is whole."""


class ExportFault(EcoklitError):
    """An export cannot be made, or cannot go on; what is written stays as it is."""


async def carried_on(
    export: Export,
    secret: bytes,
    source: ExportSource | Table,
    files: ExportFiles,
    book: Codebook,
    on_part: OnPart | None = None,
) -> Export:
    """Write what is missing of an export, and give it as it is then: done. Again changes nothing.

    Raises ExportFault other_moment when `source` is not of the export's moment, EcoklitError export_in_use, and what
    `source` and `files` raise.
    """
    if (source.as_of, source.registry) != (export.as_of, export.registry):
        raise ExportFault("other_moment", "These lists are of another moment than the export: read them as of its own.")
    with files.held():
        if (about := files.about()) is not None:
            export = decoded(about)  # somebody may have gone on with it since
        return await _written(export, _Run(export, secret, book), source, files, on_part)


async def _written(
    export: Export, run: _Run, source: ExportSource | Table, files: ExportFiles, on_part: OnPart | None
) -> Export:
    files.keep(encoded(export))
    if isinstance(source, Table):
        export = msgspec.structs.replace(await run.tabled(export, source, files), state="done")
        files.keep(encoded(export))
        return export
    for area, codes in groupby(await source.tps(export.area), key=partial(_part_of, export)):
        if area in {part.area for part in export.parts}:
            continue
        export = await run.written(export, area, list(codes), source, files)
        files.keep(encoded(export))
        if on_part is not None:
            await on_part(export)
    export = _finished(export)
    files.keep(encoded(export))
    return export


def encoded(export: Export) -> bytes:
    return msgspec.json.format(msgspec.json.encode(export), indent=2) + b"\n"


def decoded(about: bytes) -> Export:
    """Raises ExportFault bad_export when this is no export.json."""
    try:
        return msgspec.json.decode(about, type=Export)
    except msgspec.MsgspecError as error:
        raise ExportFault("bad_export", "export.json is damaged: name another folder, and export again.") from error


def _part_of(export: Export, tps: str) -> str:
    return tps[: max(FORMATS[export.format], len(export.area))]


def _finished(export: Export) -> Export:
    rolls = _head(export.area, {part.area: bytes.fromhex(part.digest) for part in export.parts})
    lists = _head(export.area, {part.area: bytes.fromhex(part.list_digest) for part in export.parts})
    said = "" if export.is_supervised else lists.hex()
    return msgspec.structs.replace(export, state="done", digest=rolls.hex(), list_digest=said)


def _head(area: str, parts: Mapping[str, bytes]) -> bytes:
    """The digest of an area from those of its parts; a part where nobody stands is none."""
    return roll.areas({code: digest for code, digest in parts.items() if digest != EMPTY_HEAD}).get(area, EMPTY_HEAD)


class _Run:
    """What the rows of one export are written with."""

    def __init__(self, export: Export, secret: bytes, book: Codebook) -> None:
        self._mark = lru_cache(TEXTS_KEPT_MAX)(partial(marked, secret))
        self._unmasked = export.unmasked
        self._supervised_on = date.fromisoformat(export.asked_at[:10]) if export.is_supervised else None
        self._is_paper = export.format in PAPER
        self._book = book

    async def written(
        self, export: Export, area: str, codes: Sequence[str], source: ExportSource, files: ExportFiles
    ) -> Export:
        """The export with one file more."""
        name = f"A-DaftarPemilih_{_named(area)}{SUFFIXES[export.format]}"
        head = _headed(export, area, SUPERVISED_COLUMNS if export.is_supervised else ())
        file = await asyncio.to_thread(files.begin, name, head)
        rows, uncoded = 0, 0
        digests: dict[str, bytes] = {}
        list_digests: dict[str, bytes] = {}
        async for tps, one in _ahead(source, codes):
            digests[tps] = one.digest
            list_digests[tps], words_kept = await asyncio.to_thread(self._write, file, tps, one)
            rows, uncoded = rows + len(one.rows), uncoded + words_kept
        digest, list_digest = _head(area, digests), _head(area, list_digests)
        await asyncio.to_thread(file.close, digest)
        there = await asyncio.to_thread(files.finished, name)
        said = "" if export.is_supervised else list_digest.hex()
        part = Part(name, area, rows, there.bytes, there.sha256, digest.hex(), said)
        return msgspec.structs.replace(
            export, parts=(*export.parts, part), rows=export.rows + rows, uncoded=export.uncoded + uncoded
        )

    def _write(self, file: Any, tps: str, one: ExportedRoll) -> tuple[bytes, int]:
        """Write a roll; give the digest of what it says, and how many cells have no code."""
        kept = [0]
        if self._supervised_on is not None:
            file.write(tps, one.digest, [self._supervised(row, self._supervised_on) for row in one.rows])
            return EMPTY_HEAD, 0
        said = (
            [self._on_paper(row, kept) for row in one.rows] if self._is_paper else list(map(self._in_words, one.rows))
        )
        file.write(tps, one.digest, said)
        return list_head(row_leaf(row[_FIELDS]) for row in one.rows), kept[0]

    async def tabled(self, export: Export, table: Table, files: ExportFiles) -> Export:
        """The export with the one file of a table."""
        name = f"{export.what}_{export.area}{SUFFIXES[export.format]}"
        file = await asyncio.to_thread(files.begin, name, _headed(export, export.area, table.columns))
        for first in range(0, len(table.rows), TABLE_ROWS_AT_ONCE):
            rows = table.rows[first : first + TABLE_ROWS_AT_ONCE]
            await asyncio.to_thread(file.write, "", b"", self._marked_rows(table, rows))
        await asyncio.to_thread(file.close, b"")
        there = await asyncio.to_thread(files.finished, name)
        part = Part(name, export.area, len(table.rows), there.bytes, there.sha256, "", "")
        return msgspec.structs.replace(export, parts=(part,), rows=len(table.rows))

    def _marked_rows(self, table: Table, rows: Sequence[list[Any]]) -> list[list[Any]]:
        places = [at for at, column in enumerate(table.columns) if column.name in WORDED]
        marked_rows = [list(row) for row in rows]
        for row in marked_rows:
            for at in places:
                row[at] = _marked(self._mark, row[at])
        return marked_rows

    def _supervised(self, row: ListRow, today: date) -> list[Any]:
        """What a supervisor is given of a voter, with the watermark."""
        said = shown(dict(zip(LIST_COLUMNS, row, strict=True)), SUPERVISOR, today)
        values = [(column.name, said[column.name]) for column in SUPERVISED_COLUMNS]
        return [_marked(self._mark, value) if name in WORDED else value for name, value in values]

    def _in_words(self, row: ListRow) -> list[Any]:
        words = list(row)
        for place in _WORDED:
            if words[place] is not None:
                words[place] = self._mark(words[place])
        return words

    def _on_paper(self, row: ListRow, kept: list[int]) -> list[str]:
        """The fifteen cells of Model A-Daftar Pemilih."""
        said: dict[str, str | None] = dict(zip(LIST_COLUMNS, row, strict=True))
        for column in MARKED_COLUMNS:
            code = self._book.write(column, said[column])
            if code is None:
                kept[0] += 1
            else:
                said[column] = code
        cells = (
            said["nkk"], said["nik"], _marked(self._mark, said["name"]), _marked(self._mark, said["birth_place"]),
            _day_first(said["birth_date"]), said["marital"], said["sex"], _marked(self._mark, said["address"]),
            said["rt"], said["rw"], said["disability"] or "0", said["ektp"], self._remark(said["remark"]),
            said["source"], (said["tps"] or "")[10:],
        )  # fmt: skip
        return [_BEFORE_FORMULA + cell if cell.startswith(_FORMULA) else cell for cell in (one or "" for one in cells)]

    def _remark(self, remark: str | None) -> str:
        return (self._book.write("remarks", "changed") if remark == "ubah" else None) or "0"


def _without_numbers(row: ListRow) -> list[Any]:
    """The row without an identity number that somebody wrote where none belongs: a source, a name."""
    return [masked(value) if type(value) is str and len(value) == 16 and value.isdigit() else value for value in row]


def _marked(mark: Callable[[str], str], text: str | None) -> str | None:
    return None if text is None else mark(text)


def _day_first(born: str | None) -> str | None:
    """A date as on paper, DD-MM-YYYY; what is none as it stands."""
    if born is None or len(born) != 10 or not is_date(born):
        return born
    return f"{born[8:]}-{born[5:7]}-{born[:4]}"


def _headed(export: Export, area: str, columns: tuple[TableColumn, ...]) -> ListHead:
    return ListHead(
        export.export, export.recipient, area, export.as_of, export.asked_at, export.what, columns, export.codebook
    )


def _named(area: str) -> str:
    # The village by itself, so that an import finds it in the name.
    return f"{area[:10]}_TPS{area[10:]}" if ids.is_tps(area) else area


async def _ahead(source: ExportSource, codes: Sequence[str]) -> AsyncIterator[tuple[str, ExportedRoll]]:
    """The rolls in order; the next is on its way while one is written."""
    coming = asyncio.ensure_future(source.roll(codes[0]))
    try:
        for tps, following in zip(codes, [*codes[1:], None], strict=True):
            one = await coming
            if following is not None:
                coming = asyncio.ensure_future(source.roll(following))
            yield tps, one
    finally:
        coming.cancel()


class PastLists:
    """`ports.ExportSource` of a moment that has passed."""

    def __init__(self, past: Past, reader: PastReader, *, unmasked: bool) -> None:
        self.as_of = past.moment.as_of
        self.registry = past.moment.registry
        self._past = past
        self._reader = reader
        self._unmasked = unmasked

    async def voters(self, area: str) -> int:
        """How many stood on the lists of the area."""
        standing = [one.row async for one in self._past.voters(area) if one.row.verdict in ON_LIST]
        return sum(row.tps.startswith(area) for row in standing)

    async def tps(self, area: str) -> list[str]:
        """Every TPS of the area that some event ever named."""
        return await self._reader.tps_placed(self.as_of.regency, area)

    async def roll(self, tps: str) -> ExportedRoll:
        answer = await self._past.roll(tps, unmasked=self._unmasked)
        rows = [[str(row["voter"]), *(row[column] for column in LIST_COLUMNS[1:])] for row in answer.rows]
        return ExportedRoll(answer.digest, rows)
