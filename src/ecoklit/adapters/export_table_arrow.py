"""Tables as Parquet and as Arrow streams. pyarrow comes with the extra `analyst`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from ecoklit.adapters.export_arrow import said_of, writer_to
from ecoklit.ports import ListHead, ListRow

_TYPES: Final = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "day": pa.date32(),
    "words": pa.list_(pa.string()),
}


class ArrowTable:
    """`ports.ListFile` of a table as Parquet, or as a stream of Arrow batches. What it is stands in its metadata."""

    def __init__(self, path: Path, head: ListHead, *, stream: bool) -> None:
        self._kinds = [column.kind for column in head.columns]
        fields = [(column.name, _TYPES.get(column.kind, pa.string())) for column in head.columns]
        self._schema = pa.schema(fields, metadata={"ecoklit:list": head.what, **said_of(head)})
        self._writer = writer_to(path, self._schema, stream=stream)

    def write(self, tps: str, digest: bytes, rows: Sequence[ListRow]) -> None:
        if rows:
            columns = [
                pa.array([_value(kind, value) for value in values], field.type)
                for kind, values, field in zip(self._kinds, zip(*rows, strict=True), self._schema, strict=True)
            ]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))

    def close(self, digest: bytes) -> None:
        self._writer.close()


def _value(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "words":
        return [str(one) for one in value]
    if kind in _TYPES:
        return value
    return msgspec.json.encode(value).decode() if isinstance(value, Mapping) else str(value)
