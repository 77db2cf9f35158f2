"""A pull: the whole history of every voter that was ever placed on one TPS, in pages, for those who may have it.

A page is NDJSON: event lines; after them a standing line for each event that the registry keeps out of the count, and
`counted` for each that it may have kept out before; and the page line, which says where to go on, and of the last page
the digest that the phone's own fold must come to.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final

import msgspec

from ecoklit.core import ids, wire
from ecoklit.core.causality import COUNTED
from ecoklit.core.entitlement import QUARANTINES, fault_of, may_read
from ecoklit.core.policy import Policy, write_policy
from ecoklit.core.registry import Registry
from ecoklit.core.signing import pull_message
from ecoklit.errors import EcoklitError
from ecoklit.limits import PAGE_VOTERS_MAX
from ecoklit.ports import Journal, JournalUnavailable, PullCursor, Pulled, PulledPage, SyncReader
from ecoklit.services.nonce import Nonces
from ecoklit.services.project import JournalRestored

SAME_JOURNAL_SECONDS: Final = 5.0
"""For how long the roll is believed to be made from the journal that is there: one look-up at the broker each."""
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class Pull(msgspec.Struct, frozen=True):
    """What a device asks for, and its signature over it (SPEC §7.11). `cursor` is "" at the beginning."""

    device: str
    nonce: str
    signature: str
    tps: str
    cursor: str
    limit: int = PAGE_VOTERS_MAX


class NonceNeeded(EcoklitError):
    """The nonce is none of ours, or too old: sign again with the one that comes with this answer."""

    def __init__(self) -> None:
        super().__init__("nonce_needed", "Sign the pull again with the nonce that comes with this answer.")


class Puller:
    """Answers pulls for one election and regency. `registry` gives the registry as it is known now, up to a position
    at least; with `journal` (and `clock`, in seconds) a roll that another journal made is noticed."""

    def __init__(
        self,
        *,
        election: str,
        regency: str,
        reader: SyncReader,
        registry: Callable[[int], Awaitable[Registry]],
        nonces: Nonces,
        policies: Mapping[str, Policy] | None = None,
        journal: Journal | None = None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._election = election
        self._regency = regency
        self._stream = f"ECOKLIT-{election}-{regency}"
        self._reader = reader
        self._registry = registry
        self._policies = policies or {}
        self._journal = journal
        self._clock = clock
        self._compared_until = -1.0
        self.nonces = nonces

    async def pull(self, ask: Pull) -> bytes:
        """The page as NDJSON.

        Raises EcoklitError unknown_area, bad_argument, nonce_needed, unknown_device, bad_signature or not_entitled, in
        this order, then JournalRestored, and what the reader raises.
        """
        cursor = _demand_form(ask, self._regency)
        if not self.nonces.is_fresh(ask.nonce):
            raise NonceNeeded
        self._demand_right(ask, await self._registry(0))
        page = await self._reader.page(self._regency, ask.tps, cursor, min(max(ask.limit, 1), PAGE_VOTERS_MAX))
        await self._demand_same_journal(page)
        # What is lost belongs to the digest and the standings, which are of the moment that the page was judged by.
        registry = await self._registry(page.registry)
        return b"".join(line + b"\n" for line in self._lines(page, registry, ask.tps))

    async def _demand_same_journal(self, page: PulledPage) -> None:
        """Refuse a roll that another journal made: a phone would keep what nobody holds any more, for ever.

        Asked every few seconds. While the broker is away nothing is known against the roll, and it goes on answering.
        """
        if self._journal is None or not page.position or self._clock() < self._compared_until:
            return
        try:
            there = await self._journal.read_events(page.position - 1, 1)
        except JournalUnavailable:
            return
        if not there or (there[0].sequence, ids.sha256(there[0].payload)) != (page.position, page.anchor):
            raise JournalRestored(
                "The journal was restored, and the roll is still that of before: pull again when the office has run "
                "`ecoklit rebuild`."
            )
        self._compared_until = self._clock() + SAME_JOURNAL_SECONDS

    def _demand_right(self, ask: Pull, registry: Registry) -> None:
        key = registry.key_of(ask.device)
        if key is None:
            raise EcoklitError("unknown_device", f"The registry has no device {ask.device}: enrol it first.")
        message = pull_message(self._election, ask.device, ask.nonce, ask.tps, ask.cursor)
        if not key.verifies(message, ask.signature):
            raise EcoklitError("bad_signature", "The pull is not signed by that device's key: sign what is asked.")
        if not may_read(registry, ask.device, ask.tps):
            raise EcoklitError("not_entitled", f"{ask.device} has no right to the voters of {ask.tps}: ask its office.")

    def _set_for(self, tps: str, registry: Registry) -> list[msgspec.Raw]:
        """The policies that were ever set for the TPS: a phone that is older than one of them takes it from here."""
        names = sorted({event.policy for _, event in registry.policies if tps.startswith(event.area)})
        return [msgspec.Raw(write_policy(self._policies[name])) for name in names if name in self._policies]

    def _lines(self, page: PulledPage, registry: Registry, tps: str) -> Iterator[bytes]:
        lost = registry.lost_at(page.registry)
        policies = self._set_for(tps, registry) if page.digest is not None else []
        for one in page.events:
            yield wire.write(one.body, _person(one, registry))
        for one in page.events:
            name = _standing(one)
            if name is not None:
                why = _why(one, registry)
                told = {"device": one.device, "name": name, "seq": one.seq, **({"why": why} if why else {})}
                yield _ENCODER.encode({"standing": told})
        yield _ENCODER.encode(
            {
                "page": {
                    "cursor": write_cursor(page.cursor),
                    "lost": [{"after": after, "device": device} for device, after in sorted(lost.items())],
                    "more": page.digest is None,
                    **({"policies": policies} if policies else {}),
                    "position": {self._stream: page.position},
                    "registry": page.registry,
                    **({} if page.digest is None else {"digest": ids.to_base64url(page.digest)}),
                }
            }
        )


def _person(one: Pulled, registry: Registry) -> bytes | None:
    """The event's person; None when it is erased, though the roll may not have learnt of that yet."""
    if one.person is None or not registry.erasures:
        return one.person
    return None if registry.is_erased(wire.hold(one.body, None).voter) else one.person


def _standing(one: Pulled) -> str | None:
    """What the phone cannot find out by itself: that the registry keeps an event out, or does so no longer."""
    if one.standing in QUARANTINES:
        return one.standing
    return COUNTED if one.is_known else None


def _why(one: Pulled, registry: Registry) -> str:
    """In a clause, what the registry says against the event now; "" where that is not what it stands for."""
    if one.standing not in QUARANTINES:
        return ""
    fault = fault_of(registry, wire.hold(one.body, None), one.stamp)
    return fault.why if fault is not None and fault.name == one.standing else ""


def _demand_form(ask: Pull, regency: str) -> PullCursor | None:
    if not (ids.is_tps(ask.tps) and ids.regency_of(ask.tps) == regency):
        raise EcoklitError("unknown_area", f"tps is no TPS of regency {regency}: give its 13 digits.")
    if not ask.cursor:
        return None
    try:
        return read_cursor(ask.cursor)
    except ValueError:
        raise EcoklitError("bad_argument", "cursor is none that a page gave: leave it out to begin anew.") from None


def write_cursor(cursor: PullCursor) -> str:
    """The cursor as one word: generation-since, and -revision-voter in the middle of a sweep."""
    end = f"-{cursor.revision}-{cursor.voter}" if cursor.voter else ""
    return f"{cursor.generation}-{cursor.since}{end}"


def read_cursor(text: str) -> PullCursor:
    """ValueError when it is none."""
    match = _CURSOR(text)
    if match is None:
        raise ValueError("no cursor")
    generation, since, revision, voter = match.groups()
    return PullCursor(generation, int(since), int(revision or 0), voter or "")


_CURSOR: Final = re.compile(
    "([0-9a-f]{1,32})-([0-9]{1,15})(?:-([0-9]{1,15})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))?"
).fullmatch
