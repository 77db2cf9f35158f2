"""A whole service in memory, as a phone meets it: it takes pushes, signs receipts, answers pulls (SPEC §7).

Stricter than the real one: standings and digests are of this very moment, what it says twice it says the same way, and
what a phone must never send ends the test. It can lose its tail, be restored, and be in one of many troubles at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ecoklit.core import admission, ids, wire
from ecoklit.core.admission import EQUIVOCATION, Known, Push, Refused
from ecoklit.core.causality import COUNTED
from ecoklit.core.entitlement import Admitted, may_read, names_of, quarantine_of
from ecoklit.core.event import Moved, Reopened, Ruled
from ecoklit.core.policy import Policy, write_policy
from ecoklit.core.receipt import Receipt, Stood, sign_receipt
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.registry_event import RegistryLog, SignedRegistry
from ecoklit.core.replica import Replica
from ecoklit.core.roll import digests, leaves
from ecoklit.core.signing import Key, pull_message
from ecoklit.core.wire import Held

GENERATION: Final = "memory"
NONCE_REQUESTS: Final = 8
"""For how many requests a nonce is good."""


class Stored(NamedTuple):
    """An event at its place in the journal: `stamp` is the registry position that admission judged by."""

    held: Held
    stamp: int


class MemoryDoor:
    """One election's service in one regency. `key` is the service's, which the registry's first line names."""

    def __init__(
        self, election: str, regency: str, key: Key, policies: Mapping[str, Policy], registry: Iterable[SignedRegistry]
    ) -> None:
        self.election = election
        self.regency = regency
        self.key = key
        self.epoch = 1
        self.stored: list[Stored] = []
        self.registry_lines: list[SignedRegistry] = []
        self.refusals: list[Refused] = []
        self.pushes = 0
        self._policies = policies
        self._at = "2024-06-25T12:00:00+09:00"
        for line in registry:
            self.admit_line(line)

    # --- what it holds -------------------------------------------------------------------------------------------

    @property
    def registry(self) -> Registry:
        return fold_registry(
            self.election, self.regency, [(n, one.line) for n, one in enumerate(self.registry_lines, start=1)]
        )

    def log(self, device: str) -> list[Stored]:
        return [one for one in self.stored if one.held.device == device]

    def replica(self) -> Replica:
        """The fold of all that is held, with what the registry sets aside."""
        replica = Replica(self._policies, names_of(self._quarantine()), self.registry.lost)
        replica.receive(one.held for one in self.stored)
        return replica

    def digest(self, tps: str) -> str | None:
        found = digests(leaves(self.replica().states())).get(tps)
        return None if found is None else ids.to_base64url(found)

    def _quarantine(self) -> dict[bytes, Any]:
        by_voter: defaultdict[str, list[Admitted]] = defaultdict(list)
        for one in self.stored:
            by_voter[one.held.voter].append(Admitted(one.held, one.stamp))
        registry = self.registry
        found: dict[bytes, Any] = {}
        for about in by_voter.values():
            found.update(quarantine_of(registry, about))
        return found

    # --- what happens to it --------------------------------------------------------------------------------------

    def lose_tail(self, events: int, registry_lines: int = 0) -> None:
        """Restored from a backup that lacks the last of both journals: a new epoch begins."""
        self.stored = self.stored[: len(self.stored) - events]
        self.registry_lines = self.registry_lines[: len(self.registry_lines) - registry_lines]
        self.epoch += 1

    # --- push ----------------------------------------------------------------------------------------------------

    def push(self, body: bytes) -> bytes:
        self.pushes += 1
        try:
            return self._push(body)
        except Refused as refused:
            self.refusals.append(refused)
            raise

    def _push(self, body: bytes) -> bytes:
        push = admission.read_push(body, self.election)
        for line in push.registry:
            self.admit_line(line)
        if not push.held:
            return self._registry_receipt(push.registry[-1].device)
        registry = self.registry
        key = admission.demand_known(push.device, registry.device_key(push.device))
        admission.demand_head(push, key, self.election)
        proved = admission.receipted(push, self.election, self.regency, registry.services)
        log = self.log(push.device)
        known = Known(len(log), {one.held.seq: one.held.hash for one in log})
        try:
            fresh = admission.admit(push, known)
        except Refused as refused:
            if refused.code == EQUIVOCATION:
                self._tell_of_clone(push, log)
            raise
        assert push.receipt is None or proved == len(push.held), "a proof that does not reach all that came with it"
        now = len(self.registry_lines)
        stamp = now if push.receipt is None else min(push.receipt.receipt.registry, now)
        self.stored.extend(Stored(held, stamp) for held in fresh)
        self._complete_persons(push)
        return self._receipt(push.device)

    def _complete_persons(self, push: Push) -> None:
        pushed = {one.hash: one for one in push.held if one.person is not None}
        self.stored = [
            one._replace(held=pushed[one.held.hash]) if one.held.person is None and one.held.hash in pushed else one
            for one in self.stored
        ]
        self._erase()

    def _erase(self) -> None:
        """No person is kept of whoever the registry erases (SPEC §8.7)."""
        if (registry := self.registry).erasures:
            self.stored = [
                one._replace(held=wire.hold(one.held.event_bytes, None)) if registry.is_erased(one.held.voter) else one
                for one in self.stored
            ]

    def _tell_of_clone(self, push: Push, log: Sequence[Stored]) -> None:
        """Both signed heads are kept as proof, and the registry is told (SPEC §7.5)."""
        held = {one.held.seq: one.held.hash for one in log}
        clash = next((one for one in push.held if held.get(one.seq, one.hash) != one.hash), push.held[0])
        own = [one for one in self.registry_lines if one.device == self.key.device]
        named = [one.event for one in own if one.event is not None]
        if any(getattr(one, "cloned", None) == push.device for one in named) or clash.seq not in held:
            return
        log_of_service = RegistryLog(
            self.key, election=self.election, regency=self.regency, officer="service", role="kpu", seq=len(own),
            prev=ids.to_base64url(own[-1].hash if own else ids.ZERO_HASH),
        )  # fmt: skip
        self.registry_lines.append(
            log_of_service.append(
                "cloned",
                at=self._at,
                cloned=push.device,
                at_seq=clash.seq,
                held=ids.to_base64url(held[clash.seq]),
                other=ids.to_base64url(clash.hash),
                head=push.head,
            )
        )

    def _receipt(self, device: str) -> bytes:
        log = self.log(device)
        replica = self.replica()
        standings = [
            Stood(one.held.seq, standing.name, standing.why)
            for one in log
            if (standing := replica.standing(one.held.hash)).name != COUNTED
        ]
        position = {self._stream: self.stored.index(log[-1]) + 1}
        return self._signed(device, log[-1].held.seq, log[-1].held.hash, position, log[-1].stamp, standings)

    def _registry_receipt(self, device: str) -> bytes:
        own = [one for one in self.registry_lines if one.device == device]
        position = {f"{self._stream}-registry": self.registry_lines.index(own[-1]) + 1}
        now = len(self.registry_lines)
        return self._signed(device, own[-1].seq, own[-1].hash, position, now, [], log="registry")

    def _signed(
        self, device: str, seq: int, event_hash: bytes, position: dict[str, int], registry: int,
        standings: list[Stood], *, log: Any = "voters",
    ) -> bytes:  # fmt: skip
        # `registry` is the stamp of the log's last event: what a push of nothing new proves is when that was admitted.
        receipt = Receipt(
            as_of=len(self.stored), device=device, election=self.election, epoch=self.epoch,
            head=ids.to_base64url(event_hash), log=log, position=position, regency=self.regency, registry=registry,
            seq=seq, standings=standings,
        )  # fmt: skip
        return sign_receipt(self.key, receipt).line

    @property
    def _stream(self) -> str:
        return f"ECOKLIT-{self.election}-{self.regency}"

    # --- the registry --------------------------------------------------------------------------------------------

    def admit_line(self, line: SignedRegistry) -> None:
        """One registry event, by itself; one that is held already is no error."""
        if (line.election, line.regency) != (self.election, self.regency):
            raise Refused(admission.WRONG_ELECTION, "a registry event of another election")
        own = [one for one in self.registry_lines if one.device == line.device]
        if line.hash in {one.hash for one in own}:
            return
        key = self.registry.key_of(line.device) if self.registry_lines else _opening_key(line)
        admission.demand_registry_signature(line, admission.demand_known(line.device, key))
        admission.admit_log([line], Known(len(own), {one.seq: one.hash for one in own}))
        self.registry_lines.append(line)
        self._erase()

    # --- pull ----------------------------------------------------------------------------------------------------

    def revisions(self, tps: str) -> dict[int, int]:
        """index in the journal → the revision at which the event became part of the history of `tps`.

        A revision here is the number of events held then: an event arrives, or its voter is placed on the TPS later.
        """
        placed: dict[str, int] = {}
        for number, one in enumerate(self.stored, start=1):
            if tps in _places(one.held):
                placed.setdefault(one.held.voter, number)
        return {
            index: max(index + 1, placed[one.held.voter])
            for index, one in enumerate(self.stored)
            if one.held.voter in placed
        }

    def pull(self, tps: str, cursor: str, limit: int) -> bytes:
        """A page; standings of all that is set aside come with each, so a change of the registry is seen at once."""
        generation, _, at = cursor.rpartition("-")
        after = int(at) if generation == f"{GENERATION}{self.epoch}" else 0
        waiting = sorted((revision, index) for index, revision in self.revisions(tps).items() if revision > after)
        page = waiting[:limit]
        while len(page) < len(waiting) and waiting[len(page)][0] == page[-1][0]:
            page.append(waiting[len(page)])  # a revision is never split
        more = len(page) < len(waiting)
        aside = self._quarantine()
        lines = [self.stored[index].held.line for _, index in page]
        lines += [self._standing(one.held, aside) for one in self.stored if tps in self._known_at(one.held.voter)]
        end = page[-1][0] if page else after
        told: dict[str, Any] = {
            "cursor": f"{GENERATION}{self.epoch}-{end}",
            "digest": None if more else self.digest(tps),
            "lost": [{"after": after, "device": device} for device, after in sorted(self.registry.lost.items())],
            "more": more,
            "position": {self._stream: len(self.stored)},
            "registry": len(self.registry_lines),
        }
        set_here = {event.policy for _, event in self.registry.policies if tps.startswith(event.area)}
        if not more and set_here:
            told["policies"] = [
                msgspec.Raw(write_policy(self._policies[name])) for name in sorted(set_here & self._policies.keys())
            ]
        lines.append(msgspec.json.encode({"page": told}))
        return b"".join(line + b"\n" for line in lines)

    def _known_at(self, voter: str) -> set[str]:
        return {tps for one in self.stored if one.held.voter == voter for tps in _places(one.held)}

    def _standing(self, held: Held, aside: Mapping[bytes, Any]) -> bytes:
        fault = aside.get(held.hash)
        told: dict[str, Any] = {"device": held.device, "name": COUNTED, "seq": held.seq, "why": ""}
        if fault is not None:
            told |= {"name": fault.name, "why": fault.why}
        return msgspec.json.encode({"standing": told})


def _opening_key(line: SignedRegistry) -> Any:
    return getattr(line.event, "root", None)


def _places(held: Held) -> list[str]:
    """Every TPS that the event names."""
    event = held.event
    if isinstance(event, Moved | Reopened | Ruled) and isinstance(event.to, str):
        return [held.tps, event.to]
    return [held.tps]


Trouble = Callable[["MemoryTransport", bytes], bytes | None]


class MemoryTransport:
    """A phone's way to a `MemoryDoor`: `field.transport.Transport`, with troubles to come, one for each request.

    A trouble is called instead of the door; None from it lets the request pass.
    """

    def __init__(self, door: MemoryDoor) -> None:
        self.door = door
        self.nonce = ""
        self.troubles: list[Trouble | None] = []
        self.requests: list[str] = []

    def push(self, body: bytes) -> bytes:
        return self._through("push", body, self.door.push)

    def pull(self, ask: Any) -> bytes:
        return self._through("pull", b"", lambda _: self._pull(ask))

    def registry(self, after: int) -> bytes:
        lines = self.door.registry_lines[after:]
        return self._through("registry", b"", lambda _: b"".join(one.line + b"\n" for one in lines))

    def _through(self, what: str, body: bytes, answer: Callable[[bytes], bytes]) -> bytes:
        self.requests.append(what)
        trouble = self.troubles.pop(0) if self.troubles else None
        answered = None if trouble is None else trouble(self, body)
        return answer(body) if answered is None else answered

    def _pull(self, ask: Any) -> bytes:
        from ecoklit.field.transport import NonceNeeded
        from ecoklit.field.trouble import NotEntitled

        number = len(self.requests)
        if ask.nonce not in {f"nonce{one}" for one in range(max(1, number - NONCE_REQUESTS), number)}:
            raise NonceNeeded(f"nonce{number}")
        key = self.door.registry.key_of(ask.device)
        message = pull_message(self.door.election, ask.device, ask.nonce, ask.tps, ask.cursor)
        if key is None or not key.verifies(message, ask.signature):
            raise NotEntitled("The pull is not signed by a device of the registry.")
        if not may_read(self.door.registry, ask.device, ask.tps):
            raise NotEntitled("The device has no right to that TPS.")
        return self.door.pull(ask.tps, ask.cursor, ask.limit)
