"""A phone's log as pushes: what is sent, and what a stick carries, are the same bytes (SPEC §7.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ecoklit.core.head import sign_head
from ecoklit.core.limits import PUSH_EVENTS_MAX
from ecoklit.core.push_file import parts_of, write_push
from ecoklit.core.receipt import SignedReceipt
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held


class Part(NamedTuple):
    """One push: the seqs `first` to `last` of the log, both 0 when it has registry lines only."""

    body: bytes
    first: int
    last: int


def parts(
    key: Key,
    election: str,
    held: Sequence[Held],
    *,
    registry: Sequence[bytes] = (),
    receipts: Sequence[SignedReceipt] = (),
    events_max: int = PUSH_EVENTS_MAX,
) -> Iterator[Part]:
    """The pushes that bring `held`, consecutive events of `key`'s log; the registry lines go ahead of the first.

    What was receipted before and is sent again brings the receipt of that time: it proves when it was admitted, and so
    no window that has closed since makes it late (SPEC §7.12). So a part never reaches over a receipt's seq.
    """
    ahead = list(registry)
    for stretch, receipt in _stretches(held, receipts):
        proof = None if receipt is None else receipt.line
        ahead_bytes = sum(len(line) + 1 for line in ahead) + (0 if proof is None else len(proof) + 1)
        for some in _cut(stretch, events_max, ahead_bytes):
            head = sign_head(key, election, some[-1].seq, some[-1].hash)
            body = write_push([one.line for one in some], head, registry=ahead, receipt=proof)
            yield Part(body, some[0].seq, some[-1].seq)
            ahead = []
    if ahead:
        yield Part(write_push((), None, registry=ahead), 0, 0)


def _stretches(
    held: Sequence[Held], receipts: Sequence[SignedReceipt]
) -> Iterator[tuple[Sequence[Held], SignedReceipt | None]]:
    first = 0
    for receipt in sorted(receipts, key=_seq):
        beyond = first
        while beyond < len(held) and held[beyond].seq <= receipt.receipt.seq:
            beyond += 1
        if beyond > first:
            yield held[first:beyond], receipt
            first = beyond
    if first < len(held):
        yield held[first:], None


def _seq(signed: SignedReceipt) -> int:
    return signed.receipt.seq


def _cut(held: Sequence[Held], events_max: int, ahead_bytes: int) -> Iterator[Sequence[Held]]:
    # A receipt rides on each part of its stretch, so its bytes are counted for each.
    for part in parts_of(held, ahead_bytes):
        for first in range(0, len(part), events_max):
            yield part[first : first + events_max]
