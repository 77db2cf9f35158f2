"""Admission: a push of one device becomes durable events and a signed receipt, or is refused by name (SPEC §7).

Crash between any two steps: nothing is acknowledged before both streams hold it, and a push that is sent again finds
what is stored and completes the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from msgspec import UNSET

from ecoklit import ports
from ecoklit.core import admission, entitlement, ids, wire
from ecoklit.core.admission import Known, Refused
from ecoklit.core.receipt import Receipt, Stood, sign_receipt
from ecoklit.core.registry import Registry
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.limits import STANDINGS_AT_ONCE_MAX, STANDINGS_MAX
from ecoklit.ports import (
    HEAD_HEADER,
    STAMP_HEADER,
    Evidence,
    Head,
    Journal,
    JournalBusy,
    JournalError,
    JournalUnavailable,
    OwnStandings,
    Stale,
    Standings,
    Stored,
)
from ecoklit.services.heads import Heads
from ecoklit.services.registry import Registrar, RegistryHeld

ATTEMPTS_MAX: Final = 8
"""Each lost race means that another gateway has just stored a push of the same device; eight in a row is a storm."""
STANDINGS_SECONDS_MAX: Final = 0.2
"""That a log is held is worth more than how it stands, so no receipt waits for the projection."""
SERVICE_OFFICER: Final = "service"

Submit = Callable[[ports.Push], Awaitable[Stored | Stale]]
"""How a push gets into the journal: by group commit."""


def now() -> str:
    """The wall clock as registry events write it."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


class Admission:
    """`ports.Service` in this process, for one election and one regency.

    `service_key` gives the key that signs receipts; it is asked when the first one is due. `life` gives another number
    whenever the journal was lost from sight.
    """

    def __init__(
        self,
        *,
        election: str,
        regency: str,
        epoch: int,
        journal: Journal,
        submit: Submit,
        registrar: Registrar,
        service_key: Callable[[], Key],
        standings: Standings | None = None,
        evidence: Evidence | None = None,
        now: Callable[[], str] = now,
        life: Callable[[], int] = lambda: 0,
    ) -> None:
        self._election = election
        self._regency = regency
        self._stream = f"ECOKLIT-{election}-{regency}"
        self._epoch = epoch
        self._journal = journal
        self._submit = submit
        self._registrar = registrar
        self._service_key = service_key
        self._standings = standings
        self._evidence = evidence
        self._now = now
        self._looking_up = 0
        self._heads = Heads(life)

    async def push(self, body: bytes) -> bytes:
        """Store the push in NDJSON `body`; the signed receipt. Raises Refused, or JournalError with nothing lost."""
        push = admission.read_push(body, self._election)
        if push.registry:
            self._service_key()  # a service that cannot answer for what it takes takes nothing
            held = await self._registrar.admit(push.registry)
            if not push.held:
                return self._registry_receipt(held)
        registry = await self._registry_that_knows(push.device)
        key = admission.demand_known(push.device, registry.device_key(push.device), opened=registry.position > 0)
        admission.demand_head(push, key, self._election)
        receipted = admission.receipted(push, self._election, self._regency, registry.services)
        self._service_key()
        try:
            return await self._store(push, registry, receipted)
        except BaseException as error:
            self._heads.forget(push.device)
            if isinstance(error, Refused):
                await self._keep_proof(push, body, registry, error)
            raise

    async def _registry_that_knows(self, device: str) -> Registry:
        registry = await self._registrar.current()
        return registry if registry.device_key(device) is not None else await self._registrar.refreshed()

    async def _store(self, push: admission.Push, registry: Registry, receipted: int) -> bytes:
        for _ in range(ATTEMPTS_MAX):
            head = self._heads.before(push) or await self._journal.head(push.device)
            fresh = admission.admit(push, await self._known(push, head))
            persons = await self._persons_to_store(push, head, registry)
            if head is not None and not (fresh or persons):
                # Nothing new: the receipt is about what was admitted then, and by what was known then.
                own = await self._own_standings(push.device)
                return self._receipt(push, _stamp_of(head), head, (), own, registry)
            stamps = _stamps(push, fresh, registry, receipted)
            outcome, own = await self._stored(_to_store(push, head, fresh, persons, stamps))
            if isinstance(outcome, Stored):
                end = _end(head, fresh, outcome, stamps)
                self._heads.remember(push.device, end)
                faults = _faults(registry, fresh, stamps)
                stamp = stamps[-1] if stamps else _stamp_of(end)
                return self._receipt(push, stamp, end, faults, own, registry)
            self._heads.forget(push.device)
        raise JournalBusy(f"Many are pushing the log of {push.device} at once: wait a few seconds and send it again.")

    async def _stored(self, push: ports.Push) -> tuple[Stored | Stale, OwnStandings | None]:
        """What became of the push, and meanwhile what the projection says of its device."""
        if self._standings is None:
            return await self._submit(push), None
        looking = asyncio.ensure_future(self._own_standings(push.device))
        try:
            return await self._submit(push), await looking
        finally:
            looking.cancel()

    async def _known(self, push: admission.Push, head: Head | None) -> Known:
        if head is None:
            return Known(0, {})
        repeated = [one.seq for one in push.held if one.seq <= head.seq]
        if not repeated:
            return Known(head.seq, {head.seq: head.hash})
        # Of what a push repeats only the last is looked up: each held event names the one before it by hash.
        anchor = head if max(repeated) == head.seq else await self._event(push.device, max(repeated))
        return Known(head.seq, known_hashes(push, anchor))

    async def _event(self, device: str, seq: int) -> Head:
        found = await self._journal.event(device, seq)
        if found is None:
            raise JournalUnavailable(f"Event {seq} of {device} is held and cannot be read: have the journal audited.")
        return found

    async def _persons_to_store(
        self, push: admission.Push, head: Head | None, registry: Registry
    ) -> tuple[tuple[int, bytes], ...]:
        """The persons of the new events, and those that the journal lacks of the repeated ones; none that is erased."""
        persons = [
            (one.seq, one.person_bytes)
            for one in push.held
            if one.person_bytes is not None and not registry.is_erased(one.voter)
        ]
        repeated = [person for person in persons if head is not None and person[0] <= head.seq]
        held = await self._journal.persons_held(push.device, repeated) if repeated else frozenset()
        return tuple(person for person in persons if person[0] not in held)

    # --- the receipt ---------------------------------------------------------------------------------------------

    def _receipt(
        self,
        push: admission.Push,
        stamp: int,
        end: Head,
        faults: Sequence[Stood],
        own: OwnStandings | None,
        registry: Registry,
    ) -> bytes:
        known = {one.seq: one for one in (() if own is None else own.standings)}
        known.update({one.seq: one for one in faults})
        receipt = Receipt(
            as_of=UNSET if own is None else own.as_of,
            device=push.device,
            election=self._election,
            epoch=self._epoch,
            erased=_erased(push, registry) or UNSET,
            head=ids.to_base64url(end.hash),
            position={self._stream: end.sequence},
            regency=self._regency,
            registry=stamp,
            seq=end.seq,
            standings=[known[seq] for seq in sorted(known)[:STANDINGS_MAX]],
        )
        return sign_receipt(self._service_key(), receipt).line

    def _registry_receipt(self, held: RegistryHeld) -> bytes:
        receipt = Receipt(
            device=held.device,
            election=self._election,
            epoch=self._epoch,
            head=ids.to_base64url(held.hash),
            log="registry",
            position={f"{self._stream}-registry": held.position},
            regency=self._regency,
            registry=held.position,
            seq=held.seq,
            standings=[],
        )
        return sign_receipt(self._service_key(), receipt).line

    async def _own_standings(self, device: str) -> OwnStandings | None:
        """What the projection says of the device's events; None when it is away, busy or slow."""
        if self._standings is None or self._looking_up >= STANDINGS_AT_ONCE_MAX:
            return None
        self._looking_up += 1
        try:
            async with asyncio.timeout(STANDINGS_SECONDS_MAX):
                return await self._standings.of_device(device, STANDINGS_MAX)
        except TimeoutError:
            return None
        finally:
            self._looking_up -= 1

    # --- what is proof of a cloned phone (SPEC §7.5, §7.10) -------------------------------------------------------

    async def _keep_proof(self, push: admission.Push, body: bytes, registry: Registry, refused: Refused) -> None:
        """Keep the bytes of a push that its device signed and that fits nothing held, and call a clone by its name.

        Neither may keep the device from hearing why it was refused.
        """
        if refused.code != admission.EQUIVOCATION or not admission.is_chained(push.held):
            return
        if self._evidence is not None:
            await self._evidence.keep(push.device, body)
        fork = refused.fork
        if fork is None or push.head is None or push.device in registry.clones:
            return
        with contextlib.suppress(JournalError):
            await self._registrar.say(
                self._service_key(),
                "cloned",
                officer=SERVICE_OFFICER,
                at=self._now(),
                at_seq=fork.seq,
                cloned=push.device,
                head=push.head,
                held=ids.to_base64url(fork.held),
                other=ids.to_base64url(fork.other),
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


def _erased(push: admission.Push, registry: Registry) -> list[int]:
    """The seqs whose person came and was not taken (SPEC §8.7)."""
    return [one.seq for one in push.held if one.person_bytes is not None and registry.is_erased(one.voter)]


def _stamps(push: admission.Push, fresh: Sequence[Held], registry: Registry, receipted: int) -> list[int]:
    """The registry position that each new event is judged by: now, or when its receipt says that it first came."""
    if not (receipted and push.receipt):
        return [registry.position] * len(fresh)
    # A registry that lost its tail has no later positions: there is nothing that they could mean.
    earlier = min(push.receipt.receipt.registry, registry.position)
    proved = frozenset(one.seq for one in push.held[:receipted])
    return [earlier if one.seq in proved else registry.position for one in fresh]


def _faults(registry: Registry, fresh: Sequence[Held], stamps: Sequence[int]) -> list[Stood]:
    """What is wrong with new events by themselves and by the registry: known before any projection looks at them."""
    found = []
    for one, stamp in zip(fresh, stamps, strict=True):
        if one.fault is not None:
            found.append(Stood(one.seq, "bad_event", one.fault))
        elif (standing := entitlement.fault_of(registry, one, stamp)) is not None:
            found.append(Stood(one.seq, standing.name, standing.why or UNSET))
    return found


def _to_store(
    push: admission.Push,
    head: Head | None,
    fresh: Sequence[Held],
    persons: tuple[tuple[int, bytes], ...],
    stamps: Sequence[int],
) -> ports.Push:
    # On the last one too: whoever reads a log's end alone knows by what that was judged.
    last = len(stamps) - 1
    turns = [n for n in range(1, len(stamps)) if n == last or stamps[n] != stamps[n - 1]]
    return ports.Push(
        device=push.device,
        after=0 if head is None else head.sequence,
        events=tuple(one.event_bytes for one in fresh),
        persons=persons,
        headers=((HEAD_HEADER, push.head.signature),) if fresh and push.head else (),
        first_headers=((STAMP_HEADER, str(stamps[0])),) if fresh else (),
        later_headers=tuple((n, STAMP_HEADER, str(stamps[n])) for n in turns),
    )


def _stamp_of(head: Head) -> int:
    """The registry position by which the log's end was judged; 0 where none rides on it."""
    return next((int(value) for name, value in head.headers if name == STAMP_HEADER), 0)


def _end(head: Head | None, fresh: Sequence[Held], stored: Stored, stamps: Sequence[int]) -> Head:
    """The last event that is held now."""
    if fresh:
        headers = ((STAMP_HEADER, str(stamps[-1])),)
        return Head(fresh[-1].seq, fresh[-1].hash, stored.last, fresh[-1].event_bytes, headers)
    if head is None:
        raise AssertionError("a push of no held and no new events was admitted")
    return head
