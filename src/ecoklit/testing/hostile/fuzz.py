"""One target under atheris, which watches what each input reaches and changes those that reach something new.

`python -m ecoklit.testing.hostile.fuzz TARGET [options of libFuzzer] [folders of inputs]`; group `fuzz` of the
dependencies. Nothing of the product may be imported before this, or it would not be watched.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import atheris

with atheris.instrument_imports(include=["ecoklit.core", "ecoklit.door", "ecoklit.services", "ecoklit.field"]):
    from ecoklit.testing.hostile.targets import TARGETS

PROGRAM: Final = "ECOKLIT_FUZZ_PROGRAM"
"""A program that starts this one again: what merges a corpus calls itself."""

if __name__ == "__main__":
    atheris.Setup([os.environ.get(PROGRAM, sys.argv[0]), *sys.argv[2:]], TARGETS[sys.argv[1]].run)
    atheris.Fuzz()
