"""Every vector file by name."""

from __future__ import annotations

from typing import Any

from ecoklit.testing.vectors.stories import STORIES
from ecoklit.testing.vectors.story import told


def files() -> dict[str, dict[str, Any]]:
    return {f"stories/{story.name}.json": told(story) for story in STORIES}
