"""Writes `events/vectors/` anew: `python -m ecoklit.testing.vectors events/vectors`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ecoklit.testing.vectors.files import files


def written(content: dict[str, Any]) -> str:
    """A vector file's text: for people to read, ASCII so that no editor can change a vector unseen."""
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


def main(folder: Path) -> None:
    for old in (folder / "stories").glob("*.json"):
        old.unlink()
    for name, content in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written(content), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
