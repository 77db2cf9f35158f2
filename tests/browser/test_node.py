"""The browser's core obeys the contract: every test of `node/` runs under Node.js as well as in the field app."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None and "ECOKLIT_BROWSER" not in os.environ, reason="Node.js is missing: install nodejs")
def test_the_browsers_core_tells_every_vector() -> None:
    """Every vector of the contract has the same outcome in the browser's twin of the core."""
    assert NODE is not None, "Node.js is missing, and ECOKLIT_BROWSER says that these tests must run: install nodejs."
    ran = subprocess.run([NODE, "--test", str(FOLDER)], capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert "\n# fail 0\n" in ran.stdout and "\n# pass 0\n" not in ran.stdout
