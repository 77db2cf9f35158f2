"""What the service logs, and where to."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from ecoklit.telemetry import configure_logging


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_log_outlives_the_stderr_that_it_was_made_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line goes to standard error as it is now; one that was closed since never ends whoever logs."""
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    configure_logging(as_json=True)
    first.close()
    monkeypatch.setattr(sys, "stderr", second)
    structlog.get_logger().error("projector_waits", code="journal_unavailable")
    line = json.loads(second.getvalue())
    assert (line["event"], line["level"], line["code"]) == ("projector_waits", "error", "journal_unavailable")
