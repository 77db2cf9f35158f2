"""The published vectors, read back for tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ecoklit.contract import data_path


def read(*names: str) -> dict[str, Any]:
    """The content of one vector file, e.g. `read("stories", "visit-confirms.json")`."""
    content: dict[str, Any] = json.loads(text(*names))
    return content


def text(*names: str) -> str:
    return data_path("events", "vectors", *names).read_text(encoding="ascii")


def names(folder: str = "") -> list[str]:
    """The vector files in one folder, sorted."""
    shelf = data_path("events", "vectors", folder) if folder else data_path("events", "vectors")
    return sorted(entry.name for entry in shelf.iterdir() if entry.name.endswith(".json"))


def histories() -> Iterator[tuple[str, str]]:
    """(folder, file) of every story, and of every long history."""
    for folder in ("stories", "histories"):
        for name in names(folder):
            yield folder, name
