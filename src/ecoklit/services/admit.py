"""Admission: a push of one device becomes durable events and a receipt, or is refused by name (contract §7).

Crash between any two steps: nothing is acknowledged before both streams hold it, and a push that is sent again finds
what is stored and completes the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from ecoklit import ports
from ecoklit.core import admission, ids, wire
from ecoklit.core.admission import Known
from ecoklit.core.wire import Held
from ecoklit.ports import Head, Journal, JournalBusy, JournalUnavailable, Receipt, Stale, Stored

ATTEMPTS_MAX: Final = 8
"""Each lost race means that another gateway has just stored a push of the same device; eight in a row is a storm."""

Submit = Callable[[ports.Push], Awaitable[Stored | Stale]]
"""How a push gets into the journal: by group commit."""


class Admission:
    """`ports.Service` in this process, for one election and one regency."""

    def __init__(self, *, election: str, regency: str, epoch: int, journal: Journal, submit: Submit) -> None:
        self._election = election
        self._stream = f"ECOKLIT-{election}-{regency}"
        self._epoch = epoch
        self._journal = journal
        self._submit = submit

    async def push(self, body: bytes) -> Receipt:
        """Store the push in NDJSON `body`; its receipt. Raises admission.Refused, or JournalError with nothing lost."""
        push = admission.read_push(body, self._election)
        # unknown_device and bad_signature have their place here: they come with the registry (contract §7, §8).
        for _ in range(ATTEMPTS_MAX):
            head = await self._journal.head(push.device)
            fresh = admission.admit(push, await self._known(push, head))
            persons = await self._persons_to_store(push, head)
            if head is not None and not (fresh or persons):
                return self._receipt(push.device, head.seq, head.hash, head.sequence)
            outcome = await self._submit(_to_store(push.device, head, fresh, persons))
            if isinstance(outcome, Stored):
                seq, event_hash = _end(head, fresh)
                return self._receipt(push.device, seq, event_hash, outcome.last)
        raise JournalBusy(f"Many are pushing the log of {push.device} at once: wait a few seconds and send it again.")

    async def _known(self, push: admission.Push, head: Head | None) -> Known:
        if head is None:
            return Known(0, {})
        repeated = [one.seq for one in push.held if one.seq <= head.seq]
        # Of what a push repeats only the last is looked up: each held event names the one before it by hash.
        anchor = head if not repeated or max(repeated) == head.seq else await self._event(push.device, max(repeated))
        return Known(head.seq, known_hashes(push, anchor))

    async def _event(self, device: str, seq: int) -> Head:
        found = await self._journal.event(device, seq)
        if found is None:
            raise JournalUnavailable(f"Event {seq} of {device} is held and cannot be read: have the journal audited.")
        return found

    async def _persons_to_store(self, push: admission.Push, head: Head | None) -> tuple[tuple[int, bytes], ...]:
        """The persons of the new events, and those that the journal lacks of the repeated ones."""
        persons = [(one.seq, one.person_bytes) for one in push.held if one.person_bytes is not None]
        repeated = [person for person in persons if head is not None and person[0] <= head.seq]
        held = await self._journal.persons_held(push.device, repeated) if repeated else frozenset()
        return tuple(person for person in persons if person[0] not in held)

    def _receipt(self, device: str, seq: int, event_hash: bytes, sequence: int) -> Receipt:
        return Receipt(
            election=self._election,
            epoch=self._epoch,
            device=device,
            seq=seq,
            head=ids.to_base64url(event_hash),
            position={self._stream: sequence},
        )


def known_hashes(push: admission.Push, anchor: Head) -> dict[int, bytes]:
    """seq → hash of the held events that `push` repeats, `anchor` being the last, and of the one before its first.

    Below a place where the push differs from what is held, the held hashes are not known: those seqs are given the
    push's own, so that only a difference that is proved is named. Nothing gets in by that, since that one is there.
    """
    pushed = {one.seq: one for one in push.held}
    hashes = {seq: one.hash for seq, one in pushed.items()}
    hashes.setdefault(push.first - 1, ids.from_base64url(push.held[0].prev))
    seq, event_hash, prev = anchor.seq, anchor.hash, wire.hold(anchor.payload, None).prev
    hashes[seq] = event_hash
    while seq > 1:
        seq, event_hash = seq - 1, ids.from_base64url(prev)
        hashes[seq] = event_hash
        if seq not in pushed or pushed[seq].hash != event_hash:
            break
        prev = pushed[seq].prev
    return hashes


def _to_store(
    device: str, head: Head | None, fresh: tuple[Held, ...], persons: tuple[tuple[int, bytes], ...]
) -> ports.Push:
    return ports.Push(
        device=device,
        after=0 if head is None else head.sequence,
        events=tuple(one.event_bytes for one in fresh),
        persons=persons,
    )


def _end(head: Head | None, fresh: tuple[Held, ...]) -> tuple[int, bytes]:
    if fresh:
        return fresh[-1].seq, fresh[-1].hash
    if head is None:
        raise AssertionError("a push of no held and no new events was admitted")
    return head.seq, head.hash
