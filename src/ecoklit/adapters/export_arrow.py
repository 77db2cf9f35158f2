"""Lists as Parquet and as Arrow streams, in the words of the contract. pyarrow comes with the extra `analyst`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ecoklit.errors import EcoklitError
from ecoklit.ports import LIST_COLUMNS, ListHead, ListRow

try:
    import pyarrow as pa
    from pyarrow import parquet
except ImportError as error:
    raise EcoklitError(
        "not_installed", "Parquet and Arrow need the extra 'analyst': pip install 'ecoklit[analyst]', or take csv."
    ) from error

BATCH_ROWS_MIN: Final = 1 << 16
"""Rows of a batch, or row group, but for the last: small ones read slowly, and so many are some 40 MB in memory."""

_TYPES: Final = {"attempts": pa.int32(), "conflicts": pa.list_(pa.string()), "proposed": pa.list_(pa.string())}


def said_of(head: ListHead) -> dict[str, str]:
    """What stands in the metadata of a file: which export it is of, for whom, and as of when."""
    return {
        "ecoklit:export": head.export,
        "ecoklit:for": head.recipient,
        "ecoklit:area": head.area,
        "ecoklit:as_of": f"{head.as_of.election} {head.as_of.regency} {head.as_of.events}",
        "ecoklit:asked_at": head.asked_at,
    }


def writer_to(path: Path, schema: pa.Schema, *, stream: bool) -> Any:
    """Writes Parquet, or a stream of Arrow batches."""
    if stream:
        return pa.ipc.new_stream(str(path), schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))
    return parquet.ParquetWriter(str(path), schema, compression="zstd")


class ArrowFile:
    """`ports.ListFile` as Parquet, or as a stream of Arrow batches. What the list is stands in its metadata."""

    def __init__(self, path: Path, head: ListHead, *, stream: bool) -> None:
        fields = [(column, _TYPES.get(column, pa.string())) for column in LIST_COLUMNS]
        self._schema = pa.schema(fields, metadata=said_of(head))
        self._rolls: list[pa.RecordBatch] = []
        self._rows = 0
        self._writer = writer_to(path, self._schema, stream=stream)

    def write(self, tps: str, digest: bytes, rows: Sequence[ListRow]) -> None:
        if rows:
            columns = [
                pa.array(values, field.type)
                for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
            ]
            self._rolls.append(pa.record_batch(columns, schema=self._schema))
            self._rows += len(rows)
        if self._rows >= BATCH_ROWS_MIN:
            self._flush()

    def close(self, digest: bytes) -> None:
        self._flush()
        if hasattr(self._writer, "add_key_value_metadata"):  # a stream says its metadata before its rows
            self._writer.add_key_value_metadata({"ecoklit:digest": digest.hex()})
        self._writer.close()

    def _flush(self) -> None:
        if self._rolls:
            self._writer.write_table(pa.Table.from_batches(self._rolls).combine_chunks())
            self._rolls, self._rows = [], 0
