"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted(path for room in ("core", "tlog") for path in (ROOT / "src" / "ecoklit" / room).glob("*.py"))

WORLD = {
    "asyncio", "asyncpg", "datetime.datetime", "io", "logging", "nats", "os", "pathlib", "random", "secrets", "shutil",
    "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
"""What reads time, chance, disk or network. `datetime.date` is arithmetic on text and may be used."""


def test_imports_point_one_way() -> None:
    """The contracts of import-linter hold: layers, a pure core, and drivers in their adapters only."""
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("module", CORE, ids=lambda path: path.stem)
def test_the_core_reads_no_time_chance_disk_or_network(module: Path) -> None:
    """No module of the core imports what could give two machines two answers, and none opens a file."""
    tree = ast.parse(module.read_text())
    assert imports_of(tree) & WORLD == set()
    assert calls_of(tree) & {"open", "input", "print", "hash", "id"} == set()


def imports_of(tree: ast.AST) -> set[str]:
    """Every imported name: of `import a.b` its `a`, of `from a import b` both `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module.partition(".")[0]} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names - {"datetime"} if "datetime.date" in names and "datetime.datetime" not in names else names


def calls_of(tree: ast.AST) -> set[str]:
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


@pytest.mark.parametrize(
    "source",
    ["import time", "from random import choice", "from datetime import datetime", "import os.path", "open('x')"],
)
def test_the_check_of_the_core_finds_what_it_looks_for(source: str) -> None:
    """The check above would find a clock, a die or a file."""
    tree = ast.parse(source)
    assert imports_of(tree) & WORLD or calls_of(tree) & {"open"}


def test_the_published_rooms_hold_no_python() -> None:
    """`events/` and `projections/` belong to no language, and no test folder is a package."""
    for room in ("events", "projections"):
        assert list((ROOT / room).rglob("*.py")) == []
    assert list((ROOT / "tests").rglob("__init__.py")) == []
