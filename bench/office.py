"""`make bench-office`: the figures of the office's lists, as a table and as JSON lines in bench/out/office.json.

What is measured, and on what, is described in bench/README.md.
"""

from __future__ import annotations

import sys

import main

PARTS = ("office_reading", "export10m")


if __name__ == "__main__":
    try:
        sys.exit(main.main(parts=PARTS, out=main.HERE / "out" / "office.json"))
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")
