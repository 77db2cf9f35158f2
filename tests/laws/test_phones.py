"""Phones that work offline and sync through a server, step by step: the same events give the same list."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from strategies import POLICIES, genes, held, outcome_of, slow, tried
from world import Item, World

from ecoklit.core import replica

PHONES = st.integers(0, 8)


class _Site:
    """A phone or the server: what it holds, and the lines that brought it."""

    def __init__(self) -> None:
        self.replica = replica.fold([], POLICIES)
        self.lines: list[bytes] = []

    def receive(self, lines: list[bytes]) -> None:
        self.lines += lines
        self.replica.receive(held(lines))

    def seen(self) -> Any:
        return outcome_of(self.replica, self.lines)


class Syncing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.server = _Site()

    @initialize(hostile=st.booleans())
    def begin(self, hostile: bool) -> None:
        self.world = World(hostile)
        self.phones = [_Site() for _ in self.world.phones]
        self.outboxes: list[list[bytes]] = [[] for _ in self.world.phones]

    @rule(phone=PHONES, gene=genes)
    def author(self, phone: int, gene: bytes) -> None:
        """A phone writes something down, offline: it knows what it holds, and no more."""
        made, sent = len(self.world.made), len(self.world.lines)
        # The ear of the gene is shut: what a phone knows comes from `pull` and `meet`, and from its first list.
        self.world.live(bytes([gene[0] % 15, phone, gene[2], 3]) + gene[4:])
        lines = self.world.lines[sent:]
        for item in self.world.made[made:]:
            author = self._author_of(item, phone)
            self.phones[author].receive([item.line])
            self.outboxes[author].append(item.line)
        # What the way did to the line (lost a person, mangled it) reaches the server without any phone.
        self.outboxes[phone] += lines

    @rule(phone=PHONES, data=st.data())
    def push(self, phone: int, data: st.DataObject) -> None:
        """Some of the outbox arrives, in any order; what was not acknowledged is sent again, and arrives twice."""
        outbox = self.outboxes[phone]
        if not outbox:
            return
        arriving = data.draw(st.lists(st.sampled_from(outbox), max_size=6))
        self.server.receive(arriving)
        if data.draw(st.booleans()):
            self.outboxes[phone] = [line for line in outbox if line not in arriving]

    @rule(phone=PHONES)
    def pull(self, phone: int) -> None:
        """A phone gets all that the server has."""
        self._hear(phone, self.server)

    @rule(phone=PHONES, other=PHONES)
    def meet(self, phone: int, other: int) -> None:
        """Two phones far from any network tell each other everything."""
        self._hear(phone, self.phones[other])
        self._hear(other, self.phones[phone])

    @invariant()
    def sites_follow_from_their_sets(self) -> None:
        """What grew step by step is what a fold of all that arrived gives, at the server and on every phone."""
        for site in (self.server, *getattr(self, "phones", ())):
            fresh = replica.fold(held(site.lines), POLICIES)
            assert [s.line for s in site.replica.states()] == [s.line for s in fresh.states()]
            assert site.replica.parked_count() == fresh.parked_count()

    def teardown(self) -> None:
        """In the end everybody syncs, and everybody sees what the reference sees."""
        if not hasattr(self, "world"):
            return
        for outbox in self.outboxes:
            self.server.receive(outbox)
        for phone in range(len(self.phones)):
            self.server.receive(self.phones[phone].lines)
        expected = slow(self.server.lines)
        assert self.server.seen() == expected
        for phone, site in enumerate(self.phones):
            self._hear(phone, self.server)
            assert outcome_of(site.replica, self.server.lines) == expected

    def _hear(self, phone: int, other: _Site) -> None:
        self.phones[phone].receive(list(other.lines))
        arrived = {one.hash for one in other.replica.held()}
        for item in self.world.made:
            if item.hash in arrived:
                self.world.phones[phone].knows(item.about)[item.hash] = item

    def _author_of(self, item: Item, phone: int) -> int:
        # The world's first deed is a birth by the office; and a liar may have spoilt the device's name.
        devices = [each.device for each in self.world.phones]
        return devices.index(item.event["device"]) if item.event["device"] in devices else phone


Syncing.TestCase.settings = tried(60)
TestSyncing = Syncing.TestCase
