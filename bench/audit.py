"""`make bench-audit`: the figures of auditing, as a table and as JSON lines in bench/out/audit.json."""

from __future__ import annotations

import sys

import main

PARTS = ("tlog", "journal_audit", "why")


if __name__ == "__main__":
    try:
        sys.exit(main.main(parts=PARTS, out=main.HERE / "out" / "audit.json"))
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")
