"""`make bench-field`: the figures of the phone in the browser, as a table and as JSON lines in bench/out/field.json."""

from __future__ import annotations

import sys

import main

PARTS = ("field_core", "field_app")


if __name__ == "__main__":
    try:
        sys.exit(main.main(parts=PARTS, out=main.HERE / "out" / "field.json"))
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")
