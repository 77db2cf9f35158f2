"""`make manipulate`: so many seeded manipulations; exits with 1 when an audit missed one, or did not say where."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from ecoklit.bootstrap.auditing import audit_folder
from ecoklit.services.audit import Audit, Published
from ecoklit.testing.chaos.manipulate import attempt, make_world


def audited(folder: str, published: Published, root: str) -> Audit:
    return audit_folder(folder, published=[published], root=root)


def main(seeds: int) -> int:
    with tempfile.TemporaryDirectory(prefix="manipulate-") as folder:
        world = asyncio.run(make_world(Path(folder) / "sound"))
        done: Counter[str] = Counter()
        missed = []
        for seed in range(seeds):
            outcome = attempt(world, seed, Path(folder), audited)
            done[outcome.done.what] += 1
            if not (outcome.is_found and outcome.is_named):
                missed.append((seed, outcome))
                print(
                    f"seed {seed}: {outcome.done}: found {outcome.is_found}, named {outcome.is_named}: {outcome.said}"
                )
    for what, count in sorted(done.items()):
        print(f"{what:24} {count}")
    print(f"{seeds} manipulations, {len(missed)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
