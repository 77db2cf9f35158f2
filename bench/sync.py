"""`make bench-sync`: the figures of the sync service, as a table and as JSON lines in bench/out/sync.json.

The parts and what they are held against are described in bench/README.md.
"""

from __future__ import annotations

import sys

import main

PARTS = ("sync_push", "sync_latency", "sync_phones", "sync_wire")


if __name__ == "__main__":
    try:
        sys.exit(main.main(parts=PARTS, out=main.HERE / "out" / "sync.json"))
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")
