"""The plugin that has every run of pytest end in an error when anything personal was logged, named or answered.

It stands in the options of pytest (pyproject.toml), so that no test can forget it; each worker searches what it did.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoklit.testing.hostile.particulars import Recorder

RECORDER = pytest.StashKey[Recorder]()
REPORT = "ECOKLIT_PARTICULARS_REPORT"
"""A file to which each run adds what it searched."""


@pytest.fixture(scope="session", autouse=True)
def nothing_personal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with Recorder() as recorder:
        request.config.stash[RECORDER] = recorder
        yield
    recorder.keep_logs(Path(tmp_path_factory.getbasetemp()))
    began = time.process_time()
    leaks = recorder.found()
    if os.environ.get(REPORT):
        with Path(os.environ[REPORT]).open("a") as report:
            searched = sum(len(text) for said in recorder.artefacts.values() for text in said)
            report.write(
                f"{dict(recorder.counts)}: {searched} characters, "
                f"{len(recorder.numbers)} numbers, {len(recorder.names)} names, "
                f"{time.process_time() - began:.2f} s, {len(leaks)} found\n"
            )
    assert not leaks, "something personal is where it must not be:\n" + "\n".join(map(str, leaks[:20]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    recorder = item.config.stash.get(RECORDER, None)
    if recorder is not None:
        for name, text in report.sections:  # type: ignore[attr-defined]
            if name.startswith(("Captured stderr", "Captured log")):
                recorder.keep("captured", text)
    return report
