"""The proof of one voter's status: its size and what checking it costs, in a log of ten million entries.

Of the tree only what two events need is made: every other subtree is a hash of chance, as it would be to whoever reads.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

from ecoklit import verify_alone
from ecoklit.contract import data_path, policies
from ecoklit.core.entitlement import Admitted
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.merkle import leaf_hash, node_hash
from ecoklit.core.registry import fold_registry
from ecoklit.core.signing import key_from_seed, verify
from ecoklit.core.wire import Held
from ecoklit.services import voter_proof
from ecoklit.services.case import Case, Law
from ecoklit.services.voter_proof import SignedEnd
from ecoklit.services.why import explained, lines_for
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import OPENED_AT, MadeUpElection, signed_push
from ecoklit.testing.phone import Person, Phone
from ecoklit.tlog.checkpoint import Checkpoint
from ecoklit.tlog.note import Note, cosign, log_key, witness_key
from ecoklit.tlog.policy import Group, Policy
from ecoklit.tlog.proof_file import LogProof

ENTRIES: Final = 10_000_000
CHECKS: Final = 300
ELECTION, TPS = "pilkada-2024", "9404012001001"
ORIGIN: Final = "ecoklit/pilkada-2024/9404"
LOG: Final = key_from_seed("ed25519", bytes(31) + b"\1")
WITNESSES: Final = {f"saksi-{n}.example/w1": key_from_seed("ed25519", bytes(31) + bytes([n + 1])) for n in (1, 2, 3)}


def row(name: str, value: float, unit: str, against: str = "", ratio: float | None = None, goal: Any = None) -> None:
    met = None if goal is None else value <= goal
    shown = {"name": name, "value": round(value, 3), "unit": unit, "against": against, "ratio": ratio}
    print(json.dumps({**shown, "goal": goal, "met": met}), flush=True)


class SparseTree:
    """A tree of which these leaves are known, by index, and the rest is chance."""

    def __init__(self, size: int, leaves: dict[int, bytes]) -> None:
        self.size = size
        self._leaves = leaves
        self._chance = random.Random(1)
        self._heads: dict[tuple[int, int], bytes] = {}

    def head(self, start: int, end: int) -> bytes:
        known = self._heads.get((start, end))
        if known is None:
            known = self._heads[start, end] = self._made(start, end)
        return known

    def _made(self, start: int, end: int) -> bytes:
        if not any(start <= index < end for index in self._leaves):
            return self._chance.randbytes(32)
        if end - start == 1:
            return self._leaves[start]
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        return node_hash(self.head(start, middle), self.head(middle, end))

    def path(self, index: int) -> list[bytes]:
        start, end, found = 0, self.size, list[bytes]()
        while end - start > 1:
            middle = start + (1 << (end - start - 1).bit_length() - 1)
            beside = (middle, end) if index < middle else (start, middle)
            start, end = (start, middle) if index < middle else (middle, end)
            found.insert(0, self.head(*beside))
        return found


def a_visit() -> tuple[MadeUpElection, list[Held]]:
    """A voter that the commission listed, and that an officer, enrolled by a code, met at the door."""
    election = MadeUpElection(ELECTION)
    kpu = Phone(ELECTION, 1, Person("kpu", "kpu"), TPS)
    yohana = Phone(ELECTION, 1, Person("yohana", "pantarlih"), TPS)
    election.assign(kpu.key, "kpu", "kpu", "9404")
    election.say(election.root, "policy_set", area="9404", policy="2024-1")
    code, right = made_up_key(1, "code"), {"officer_assigned": "yohana", "role_assigned": "pantarlih", "area": TPS}
    election.say(kpu.key, "vouched", voucher=code.device, key=code.public, until=OPENED_AT, **right)
    election.say(code, "device_enrolled", enrolled=yohana.device, holder="yohana", key=yohana.key.public)
    election.say(code, "assigned", to_device=yohana.device, **right)
    listed = kpu.say("listed", None, source="dp4-2024", person={"record": dict.fromkeys(RECORD_FIELDS)})
    yohana.pull([listed])
    return election, [listed, yohana.say("found", listed.voter, how="in_person")]


def end_of(held: Held) -> SignedEnd:
    return SignedEnd([], json.loads(signed_push([held]).splitlines()[-1])["signature"])


def timed(action: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1e3


def main() -> None:
    checks = 30 if "--quick" in sys.argv else CHECKS
    election, events = a_visit()
    lines = list(enumerate(election.registry, 1))
    registry = fold_registry(ELECTION, "9404", lines)
    case = Case(events[0].voter, tuple(Admitted(held, len(lines)) for held in events), {}, ())
    law = Law(registry, policies())
    why = explained(case, law)
    places = dict(zip((54_321, ENTRIES - 4_321), events, strict=True))
    tree = SparseTree(ENTRIES, {index: leaf_hash(held.event_bytes) for index, held in places.items()})
    note: Note = Checkpoint(ORIGIN, ENTRIES, tree.head(0, ENTRIES)).signed(LOG)
    note = note.with_signatures(cosign(note.text, name, key, 1_732_000_000) for name, key in WITNESSES.items())
    logged = {held.hash: LogProof(index, tuple(tree.path(index)), note) for index, held in places.items()}
    ends = {held.hash: end_of(held) for held in events}

    making = [timed(lambda: lines_for(explained(case, law), registry, lines)) for _ in range(max(3, checks // 30))]
    data = voter_proof.write(voter_proof.make(why, registry, lines_for(why, registry, lines), logged, ends))
    names = {f"w{n}": witness_key(name, key) for n, (name, key) in enumerate(WITNESSES.items(), 1)}
    trusted = Policy({ORIGIN: log_key(ORIGIN, LOG)}, names, {"all": Group(3, tuple(names))}, "all", {})
    root = registry.root_device or ""

    def check() -> None:
        voter_proof.verify(voter_proof.read(data), root, trusted, policies())

    checking = [timed(check) for _ in range(checks)]
    policy = json.loads(data_path("events", "policies", "2024-1.json").read_bytes())
    keys = [log_key(ORIGIN, LOG).vkey, *(name.vkey for name in names.values())]
    alone = [timed(lambda: verify_alone.verify(data, root, policy, keys)) for _ in range(checks)]
    message, public = b"a message of some length" * 4, LOG.public_key
    signature = LOG.sign(message)
    one = median(timed(lambda: verify("ed25519", public, message, signature)) for _ in range(checks))
    both = sum(len(held.event_bytes) for held in events)
    name = "proof of one voter's status, two events, three witnesses"
    row(name, len(data), "bytes", "its events", round(len(data) / both, 1), 4_096)
    for name, times in (("the proof verified, median", checking), ("the same by the one that stands alone", alone)):
        row(name, median(times), "ms", "one signature", round(median(times) / one, 1), 5)
    row("least events and lines found, median", median(making), "ms")


if __name__ == "__main__":
    main()
