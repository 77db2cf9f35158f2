"""Rates and sizes stand in one file, each with its reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "src" / "ecoklit"
LIMITS = (HOUSE / "limits.py", HOUSE / "core" / "limits.py")
DOORS = [
    *sorted((HOUSE / "http").glob("*.py")),
    *sorted((HOUSE / "door").glob("*.py")),
    *sorted((HOUSE / "adapters").glob("nats_*.py")),
    *(HOUSE / "adapters" / f"{name}.py" for name in ("embedded_nats", "jetstream", "evidence_folder")),
    *(
        HOUSE / "services" / f"{name}.py"
        for name in ("access", "admit", "group_commit", "nonce", "pull", "registry", "sign_in")
    ),
]
"""Whatever a stranger's request goes through."""

LIMIT = re.compile(
    r"_PER_(DEVICE|ADDRESS|CALLER)|(BYTES|EVENTS|REQUESTS|PUSHES|CONNECTIONS|VOTERS|CHARACTERS|BUCKETS|"
    r"SUBSCRIPTIONS|STANDINGS|IN_FLIGHT|AT_ONCE|WAITING|PAGE_LINES|WINDOW_LOG)_MAX$|BACKLOG|RETRY_AFTER_S"
)
OURS = {"ANSWER_HEADERS_BYTES_MAX"}
"""The room that our own headers need in an answer: it bounds nobody."""


def limits_in(source: str) -> list[str]:
    """The rates and sizes that a module makes itself."""
    found = []
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        is_rate = isinstance(value, ast.Call) and getattr(value.func, "id", "") == "Rate"
        for target in targets:
            name = getattr(target, "id", "")
            if is_rate or (isinstance(node, ast.Assign | ast.AnnAssign) and LIMIT.search(name) and name not in OURS):
                found.append(name)
    return found


@pytest.mark.parametrize("module", DOORS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_other_file_defines_a_limit(module: Path) -> None:
    """Nothing on a request's way makes a rate or a size of its own."""
    assert limits_in(module.read_text()) == []


@pytest.mark.parametrize(
    "source", ["ANY: Final = Rate(1, 2)", "BODY_BYTES_MAX = 9", "PUSHES_PER_DEVICE: Final = 5", "x = y = Rate(3, 4)"]
)
def test_the_check_finds_what_it_looks_for(source: str) -> None:
    """The check above would find a rate, and a size, however it is written."""
    assert limits_in(source)


@pytest.mark.parametrize("module", LIMITS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_limit_has_its_reason(module: Path) -> None:
    """Behind every limit stands, in words, why it is what it is."""
    body = ast.parse(module.read_text()).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign):
            is_told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            assert is_told and len(str(after.value.value)) > 20, ast.unparse(node)  # type: ignore[union-attr]
