"""The world: who is in it, what they do when, and what is looked at after every deed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from ecoklit.contract import policies
from ecoklit.core import enrolment as codes
from ecoklit.core.enrolment import BadEnrolment
from ecoklit.errors import EcoklitError
from ecoklit.field import enrolment
from ecoklit.field.parts import parts
from ecoklit.field.trouble import PhoneFault
from ecoklit.services.rebuild import Rebuilt
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.simulator import checks, entries, lies
from ecoklit.testing.simulator.bounds import small
from ecoklit.testing.simulator.checks import Broken, Ledger
from ecoklit.testing.simulator.hand import Hand, PowerCut
from ecoklit.testing.simulator.lies import Liar
from ecoklit.testing.simulator.memory import remembering
from ecoklit.testing.simulator.office import Office
from ecoklit.testing.simulator.plan import NETWORK, PHONES, Deed, Plan
from ecoklit.testing.simulator.road import Road
from ecoklit.testing.simulator.site import ELECTION, REGENCY, Backup, Site
from ecoklit.testing.simulator.virtual_loop import VirtualLoop

PLACES: Final = ("9404012001001", "9404012001002", "9404012002001")
WORKED_ON: Final = (PLACES[0], PLACES[0], PLACES[1], PLACES[2])
"""By the phones, in their order: two meet the same voters."""

VILLAGE: Final = "9404012001"
DAWN: Final = datetime.fromisoformat("2024-06-24T07:30:00+09:00")
DAY_SECONDS: Final = 6.0
"""How long a day of the world lasts on its loop."""

DEPTH_MAX: Final = 3
"""How many deeds may be under way inside each other's waiting."""

DEAR_EVERY: Final = 10
"""Deeds between two looks at everything."""

TYPED_FOR: Final = tuple(f"p-{number:02d}" for number in range(1, 13))
"""The twelve officers for whom one operator types."""


class World:
    """One world, from its plan. `perform` does it all; raises Broken when a promise is broken."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.policies = policies()
        self.is_calm = True
        self.rate = plan.rate
        self.network: tuple[str, ...] = tuple(kind for kind in NETWORK if kind in plan.kinds)
        self.counts: Counter[str] = Counter()
        self.told: list[tuple[float, str]] = []
        self._trace = hashlib.sha256()
        self._broken: Broken | None = None
        self._cut_off: dict[str, float] = {}
        self._depth = 0
        self._later: list[Deed] = []
        self._done = 0
        self._busy: Counter[str] = Counter()
        self._copies: list[Backup] = []
        self._bodies: list[bytes] = []
        self.loop = VirtualLoop()  # type: ignore[abstract]  # what it lacks touches the machine
        self.ledger = Ledger()
        with self.loop:
            office_road = Road(self, "office")
            self.office = Office(plan.seed, office_road, list(PLACES))
            self.site = Site(
                self.loop,
                Random(f"{plan.seed}/site"),
                dict(self.policies),
                root_device=self.office.root.device,
                service_key=self.office.service,
                now=lambda: self.wall().isoformat(timespec="seconds"),
                on_receipt=self._on_receipt,
            )
        self.hands: dict[str, Hand] = {}
        self.liars: dict[str, Liar] = {}
        self._pushed_lies: Counter[str] = Counter()

    # --- what the parts ask --------------------------------------------------------------------------------------

    def wall(self) -> datetime:
        """What a right clock shows: a second of the loop is some hours."""
        return self.wall_at(self.loop.time())

    def wall_at(self, seconds: float) -> datetime:
        return DAWN + timedelta(days=seconds / DAY_SECONDS)

    def is_cut_off(self, who: str) -> bool:
        return self._cut_off.get(who, 0.0) > self.loop.time()

    def note(self, what: str) -> None:
        """What happened, for the trace that two runs of one world must share."""
        self._trace.update(f"{self.loop.time():.6f} {what}\n".encode())

    def count(self, kind: str) -> None:
        self.counts[kind] += 1

    def tell(self, sentence: str) -> None:
        self.note(sentence)
        self.told.append((self.loop.time(), sentence))

    def broken(self, check: str, sentence: str) -> None:
        """A promise is broken; said once, and raised at the next deed's end."""
        if self._broken is None:
            self._broken = Broken(check, sentence)

    def _on_receipt(self, line: bytes) -> None:
        try:
            self.ledger.receipt(self, line)
        except Broken as broken:
            self.broken(broken.check, broken.sentence)

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()

    # --- the beginning -------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The election is opened, everybody is enrolled, and the lists are imported, all without trouble."""
        site, plan = self.site, self.plan
        site.start_projector()
        self.office.road.random = Random(f"{plan.seed}/office")
        kpu = self._hand("KPU", "kpu", REGENCY)
        self._hand("PPS", "pps", VILLAGE)
        for nth, name in enumerate(one for one in plan.people if one in PHONES):
            self._hand(name, "pantarlih", WORKED_ON[nth])
        if "Operator" in plan.people:
            self._hand("Operator", "operator", VILLAGE)
            for officer in TYPED_FOR:
                self.office.say("assigned", area=PLACES[0], officer_assigned=officer, role_assigned="pantarlih",
                                to_device=self.hands["Operator"].device)  # fmt: skip
        for name in (one for one in plan.people if one in lies_people()):
            key = made_up_key(plan.seed, name)
            self.office.enrol(key, name.lower(), "pantarlih", PLACES[0])
            self.liars[name] = Liar(name, key, name.lower(), PLACES[0], [])
        self._demand(self.office.sync() == "held", "the office could not open its election")
        random = Random(f"{plan.seed}/list")
        self._enrol(kpu)
        for tps in PLACES:
            for _ in range(plan.voters):
                kpu.random = random
                kpu.phone.say(
                    "listed", None, tps=tps, source="model_a", person={"record": entries.made_up_record(random)}
                )
        self.ledger.sign(kpu.logs())
        self.loop.pass_time(0.5)
        kpu.sync(self.loop.pass_time)
        if "wrong_clock" in plan.kinds:
            for hand in self.hands.values():
                if random.random() < 0.6:
                    hand.days_off = random.choice((-3650, -365, 400, 2000, 3650))
                    self.count("wrong_clock")
                    self.tell(f"{hand.name}'s clock is wrong by {hand.days_off} days")
        self.loop.pass_time(0.5)
        for hand in self.hands.values():
            if hand is not kpu:
                self._enrol(hand)
                if random.random() < 0.7:
                    hand.sync(self.loop.pass_time)

    def _hand(self, name: str, role: str, area: str) -> Hand:
        hand = Hand(name, self.folder / name, Road(self, name), self.policies, self.wall)
        hand.random = hand.road.random = Random(f"{self.plan.seed}/{name}")
        hand.role, hand.area = role, area
        self.hands[name] = hand
        self.office.enrol(hand.phone.identity().key, hand.officer, role, area)
        return hand

    def _enrol(self, hand: Hand) -> None:
        """Give the phone the office's file."""
        taken = enrolment.read(self.office.file(), hand.phone.identity().key)
        enrolment.take(hand.outbox, taken, service="memory")
        hand.phone.reload()
        places = PLACES if hand.role == "kpu" else [place for place in PLACES if place.startswith(hand.area)]
        for tps in places:
            hand.phone.place(tps)
        hand.is_enrolled = True

    def _demand(self, is_so: bool, sentence: str) -> None:
        if not is_so:
            raise Broken("world", sentence)

    # --- the days ------------------------------------------------------------------------------------------------

    def perform(self) -> None:
        """All of it: the beginning, the deeds, and the peace after them."""
        from ecoklit.testing.simulator import healing

        with self.loop, remembering(), small():
            try:
                self.begin()
                self.is_calm = False
                begun = self.loop.time()
                for deed in self.plan.deeds:
                    self.loop.call_at(begun + deed.at, self._fall_due, deed)
                last = self.plan.deeds[-1].at if self.plan.deeds else 0.0
                self.loop.pass_time(last + 0.01)
                self.look(dear=True)
                healing.heal(self)
            except Exception as error:
                self._note_failure(error)
            finally:
                self.site.stop()
                for hand in self.hands.values():
                    hand.close()
        if self._broken is not None:
            raise self._broken

    def _fall_due(self, deed: Deed) -> None:
        if self._depth >= DEPTH_MAX:
            self._later.append(deed)
            return
        self._depth += 1
        try:
            self._do(deed)
            while self._later and self._depth == 1:
                self._do(self._later.pop(0))
        except Exception as error:
            self._note_failure(error)
        finally:
            self._depth -= 1

    def _note_failure(self, error: Exception) -> None:
        if isinstance(error, Broken):
            self.broken(error.check, error.sentence)
            return
        import traceback

        where = traceback.extract_tb(error.__traceback__)[-1]
        self.broken(
            "crashed", f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno} {where.name})"
        )

    def _do(self, deed: Deed) -> None:
        if self._broken is not None:
            return
        random = Random(deed.seed)
        hand = self.hands.get(deed.who)
        if hand is not None and not self._busy[deed.who]:
            hand.random = hand.road.random = random
        outcome = getattr(self, f"_{deed.what}")(deed, random)
        if outcome:
            self.counts[deed.what] += 1
            self.tell(outcome)
        self._done += 1
        self.look(dear=self._done % DEAR_EVERY == 0)

    def look(self, *, dear: bool) -> None:
        """Look whether every promise is kept; raises Broken."""
        if self._broken is not None:
            raise self._broken
        checks.look(self)
        if dear:
            checks.look_at_everything(self)

    # --- phones --------------------------------------------------------------------------------------------------

    def _usable(self, name: str) -> Hand | None:
        hand = self.hands.get(name)
        return None if hand is None or hand.is_gone or not hand.is_enrolled or self._busy[name] else hand

    def _visit(self, deed: Deed, random: Random) -> str:
        hand = self.hands[deed.who]
        if hand.is_gone or not hand.is_enrolled:
            return ""
        if self._busy[deed.who]:
            return ""  # the store has its own sync under way: `_visit_meanwhile` is another program's
        return self._enter(hand, lambda: entries.enter(hand, PLACES, random))

    def _operate(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        officer = random.choice(TYPED_FOR)
        return "" if hand is None else self._enter(hand, lambda: entries.enter(hand, PLACES, random, officer=officer))

    def _rule(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        return "" if hand is None else self._enter(hand, lambda: entries.rule(hand, random))

    def _relist(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        return "" if hand is None else self._enter(hand, lambda: entries.relist(hand, random))

    def _enter(self, hand: Hand, say: Callable[[], str]) -> str:
        try:
            return f"{hand.name} saves {say()}"
        except PowerCut:
            hand.reopen()
            return f"{hand.name}'s phone dies while an entry is saved"
        except (EcoklitError, ValueError) as error:
            self._demand_known(error)
            return f"{hand.name} cannot save an entry ({getattr(error, 'code', 'value')})"
        finally:
            hand.power.mend()
            self.ledger.sign(hand.logs())

    def _demand_known(self, error: Exception) -> None:
        if isinstance(error, PhoneFault) and error.code == "phone_damaged":
            raise Broken("phone_damaged", str(error))

    def _sync(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        if hand is None:
            return self._push_lies(self.liars[deed.who], random) if deed.who in self.liars else ""
        return self.sync(hand)

    def sync(self, hand: Hand) -> str:
        """One sync of a phone, however it ends."""
        self._busy[hand.name] += 1
        try:
            self._bodies += [part.body for part in _unsent(hand)]
            done = hand.sync(self.loop.pass_time)
            same = all(one.same for one in done.compared)
            told = f"{done.sent} sent, {done.held} held, {done.pulled} pulled"
            return f"{hand.name} syncs: {told}{'' if same else ', digests differ'}"
        except PowerCut:
            hand.reopen()
            return f"{hand.name}'s phone dies in the middle of a sync"
        except EcoklitError as error:
            self._demand_known(error)
            return f"{hand.name}'s sync ends: {error.code}"
        finally:
            self._busy[hand.name] -= 1

    def _phone_crash(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        if hand is None:
            return ""
        hand.power.fail_at(random.randint(0, 25), is_done_first=random.random() < 0.5)
        told = self.sync(hand) if random.random() < 0.6 else self._visit(deed, random)
        hand.power.mend()
        return told

    def _phone_disk_full(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        if hand is None:
            return ""
        hand.power.fail_at(random.randint(0, 15), is_done_first=False, is_disk_full=True)
        told = self.sync(hand) if random.random() < 0.5 else self._visit(deed, random)
        hand.power.mend()
        return f"(disk full) {told}"

    def _phone_restored(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        if hand is None:
            return ""
        if hand.copy is None or random.random() < 0.4:
            hand.back_up(self.folder / f"{hand.name}-copy")
            return f"{hand.name}'s phone is backed up"
        hand.restore()
        return f"{hand.name}'s phone is restored from its old backup"

    def _phone_cloned(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        name = f"{deed.who}'s clone"
        if hand is None or name in self.hands:
            return ""
        hand.back_up(self.folder / name)
        hand.copy = None
        clone = Hand(name, self.folder / name, Road(self, name), self.policies, self.wall)
        clone.officer, clone.role, clone.area, clone.days_off = hand.officer, hand.role, hand.area, hand.days_off
        clone.is_enrolled = True
        clone.random = clone.road.random = Random(deed.seed + 1)
        self.hands[name] = clone
        said = self._enter(clone, lambda: entries.enter(clone, PLACES, random))
        return f"{hand.name}'s phone is copied onto another one; {said}; {self.sync(clone)}"

    def _phone_lost(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        if hand is None or sum(not one.is_gone for one in self.hands.values()) < 4:
            return ""
        hand.is_gone = True
        return f"{hand.name}'s phone falls into the river"

    def _partition(self, deed: Deed, random: Random) -> str:
        self._cut_off[deed.who] = self.loop.time() + 3 * random.random()
        return f"{deed.who} walks out of the network"

    def _carry(self, deed: Deed, random: Random) -> str:
        """Somebody else brings this phone's log, as a file from a stick."""
        hand = self._usable(deed.who)
        carrier = self._usable(random.choice([*self.hands]))
        if hand is None or carrier is None or carrier is hand or not hand.outbox.about().election:
            return ""
        identity = hand.outbox.identity()
        assert identity is not None
        bodies = [part.body for part in _unsent(hand, after=0)]
        told = []
        for body in bodies:
            try:
                carrier.road.push(body)
                told.append("held")
            except EcoklitError as error:
                told.append(error.code)
        return f"{carrier.name} brings {hand.name}'s log on a stick: {', '.join(told)}" if told else ""

    def _report(self, deed: Deed, random: Random) -> str:
        hand = self._usable(deed.who)
        if hand is None or hand.role != "pantarlih":
            return ""
        return self._enter(hand, lambda: f"a final report ({hand.phone.report(hand.area).seq})")

    # --- the office ----------------------------------------------------------------------------------------------

    def _office_sync(self, deed: Deed, random: Random) -> str:
        self.office.road.random = random
        return f"The office shows its registry: {self.office.sync()}"

    def _said(self, random: Random, sentence: str) -> str:
        self.office.road.random = random
        return f"The office {sentence} ({self.office.sync()})"

    def _revoke(self, deed: Deed, random: Random) -> str:
        hand = self.hands[deed.who]
        held, _ = hand.outbox.end(hand.device)
        own = {"area": hand.area} if random.random() < 0.4 else {}
        begin = max(1, held - random.randint(-2, 2))
        self.office.say("revoked", revoked=hand.device, from_seq=begin, **own)
        return self._said(
            random, f"revokes {hand.name}'s {'right in ' + hand.area if own else 'phone'} from entry {begin} on"
        )

    def _reassign(self, deed: Deed, random: Random) -> str:
        hand = self.hands[deed.who]
        hand.area = random.choice(PLACES)
        self.office.assign(hand.device, hand.officer, "pantarlih", hand.area)
        if hand.is_enrolled and not hand.is_gone and not self._busy[hand.name] and random.random() < 0.7:
            self._try_to_enrol(hand)
        return self._said(random, f"gives {hand.name} the polling place {hand.area}")

    def _try_to_enrol(self, hand: Hand) -> str:
        try:
            self._enrol(hand)
        except (BadEnrolment, PowerCut) as error:
            return getattr(error, "code", "power_cut")
        return "enrolled"

    def _readmit(self, deed: Deed, random: Random) -> str:
        hand = self.hands[deed.who]
        if random.random() < 0.5:
            self.office.say("readmitted", of_device=hand.device)
        else:
            self.office.say("readmitted", of_tps=hand.area)
        return self._said(random, f"readmits what was set aside of {hand.name}")

    def _window_close(self, deed: Deed, random: Random) -> str:
        area = random.choice((*PLACES, VILLAGE))
        self.office.say("window_closed", area=area)
        return self._said(random, f"closes coklit of {area}")

    def _window_open(self, deed: Deed, random: Random) -> str:
        area = random.choice((*PLACES, VILLAGE))
        self.office.say("window_opened", area=area)
        return self._said(random, f"opens coklit of {area}")

    def _declare_lost(self, deed: Deed, random: Random) -> str:
        lost = [hand for hand in self.hands.values() if hand.is_gone]
        if not lost:
            return ""
        hand = random.choice(lost)
        after = self.ledger.last_of(self, hand.device)
        self.office.say("dots_lost", lost=hand.device, after=after)
        return self._said(random, f"says that nothing comes of {hand.name}'s phone after entry {after}")

    def _enrol_late(self, deed: Deed, random: Random) -> str:
        name = f"Late {deed.nth}"
        hand = Hand(name, self.folder / name, Road(self, name), self.policies, self.wall)
        hand.random = hand.road.random = random
        hand.area = random.choice(PLACES)
        hand.officer = f"late-{deed.nth}"
        self.hands[name] = hand
        self.office.enrol(hand.phone.identity().key, hand.officer, "pantarlih", hand.area)
        self._enrol(hand)
        said = self._enter(hand, lambda: entries.enter(hand, PLACES, random))
        # The office need not have told the service: the phone brings its enrolment itself.
        told = self.sync(hand) if random.random() < 0.5 else self._said(random, "tells the service so")
        return f"{name} is enrolled from the office's file; {said}; {told}"

    def _enrol_by_code(self, deed: Deed, random: Random) -> str:
        name = f"Code {deed.nth}"
        code = codes.code_of(random.randbytes(codes.CODE_ENTROPY_BYTES))
        voucher = codes.voucher_key(code, ELECTION, REGENCY)
        area, officer = random.choice(PLACES), f"code-{deed.nth}"
        self.office.say("vouched", voucher=voucher.device, key=voucher.public, officer_assigned=officer,
                        role_assigned="pantarlih", area=area, until="2034-01-01T00:00:00Z")  # fmt: skip
        self._said(random, "makes a code")
        hand = Hand(name, self.folder / name, Road(self, name), self.policies, self.wall)
        hand.random = hand.road.random = random
        hand.area, hand.officer = area, officer
        hand.is_gone = True  # until it is in
        self.hands[name] = hand
        at = DAWN.isoformat(timespec="seconds")
        for _ in range(3):
            try:
                kept = hand.outbox.registry()
                taken = enrolment.by_code(code, hand.phone.identity().key, hand.road, at=at, kept=kept)
                enrolment.take(hand.outbox, taken, service="memory")
            except EcoklitError as error:
                told = error.code
                self.loop.pass_time(0.3)
                continue
            hand.phone.reload()
            hand.is_gone, hand.is_enrolled = False, True
            return f"{name} enrols itself with a code for {area}; {self.sync(hand)}"
        return f"{name} cannot enrol itself with its code ({told})"

    # --- liars ---------------------------------------------------------------------------------------------------

    def _liar(self, name: str) -> Liar | None:
        return self.liars.get(name)

    def _lie(self, deed: Deed, random: Random) -> str:
        liar = self._liar(deed.who)
        if liar is None:
            return ""
        payloads = [payload for _, payload in self.site.broker.journal.payloads]
        names = []
        for _ in range(random.randint(1, 3)):
            name, held = lies.lie(liar, payloads, random)
            names.append(name)
            self.counts[f"lie {name}"] += 1
            self.ledger.sign([held])
        return f"{liar.name} lies ({', '.join(names)}); {self._push_lies(liar, random)}"

    def _push_lies(self, liar: Liar, random: Random) -> str:
        if not liar.said:
            return ""
        road = Road(self, liar.name)
        road.random = random
        try:
            road.push(lies.push_of(liar, 0))
        except EcoklitError as error:
            return f"{liar.name}'s push: {error.code}"
        return f"{liar.name}'s push of {len(liar.said)} is held"

    def _fork(self, deed: Deed, random: Random) -> str:
        """Two different events of one name, pushed to two gateways at once."""
        liar = self._liar(deed.who)
        if liar is None:
            return ""
        payloads = [payload for _, payload in self.site.broker.journal.payloads]
        said = list(liar.said)
        bodies = []
        for _ in range(2):
            liar.said[:] = said
            lies.lie(liar, payloads, random)
            self.ledger.sign(liar.said[-1:])
            bodies.append(lies.push_of(liar, len(said)))
        for body in bodies:
            road = Road(self, liar.name)
            road._arrive(lambda gateway, body=body: gateway.push(body), random.random())  # type: ignore[misc]
        return f"{liar.name} says two different things as entry {len(said) + 1}, at two doors"

    def _forge(self, deed: Deed, random: Random) -> str:
        if not self._bodies:
            return ""
        key = made_up_key(self.plan.seed, "Nobody")
        liar = self._liar(deed.who) or Liar("Nobody", key, "nobody", PLACES[0], [])
        body = lies.forged(random.choice(self._bodies), liar, random)
        road = Road(self, liar.name)
        road.random = random
        try:
            road.push(body)
        except EcoklitError as error:
            return f"Somebody pushes a forgery: {error.code}"
        return "Somebody pushes a forgery, and is told that it is held"

    def _replay(self, deed: Deed, random: Random) -> str:
        if not self._bodies:
            return ""
        body = random.choice(self._bodies)
        Road(self, "nobody")._arrive(lambda gateway: gateway.push(body), random.random())
        return "A push of long ago arrives once more"

    # --- machines ------------------------------------------------------------------------------------------------

    def _journal_refused(self, deed: Deed, random: Random) -> str:
        self.site.broker.journal.fail_next("refused")
        return "The broker will refuse an append"

    def _journal_applied(self, deed: Deed, random: Random) -> str:
        self.site.broker.journal.fail_next("applied")
        return "The broker will store an append and report a failure"

    def _events_only(self, deed: Deed, random: Random) -> str:
        self.site.broker.journal.fail_next("events_only")
        return "The broker will store the events of an append, not the persons"

    def _persons_only(self, deed: Deed, random: Random) -> str:
        self.site.broker.journal.fail_next("persons_only")
        return "The broker will store the persons of an append, not the events"

    def _journal_full(self, deed: Deed, random: Random) -> str:
        self.site.broker.journal.fail_next("full", "full")
        return "The broker's disk is full for two appends"

    def _registry_fault(self, deed: Deed, random: Random) -> str:
        fault: Any = random.choice(("refused", "applied"))
        self.site.broker.registry.fail_next(fault)
        return f"The broker will fail with the registry ({fault})"

    def _broker_crash(self, deed: Deed, random: Random) -> str:
        self.site.broker.crash(random.random)
        self._away(random, 0.5)
        return "The broker is killed"

    def _broker_away(self, deed: Deed, random: Random) -> str:
        self._away(random, 2.0)
        return "The broker is away for a while"

    def _away(self, random: Random, seconds: float) -> None:
        self.site.broker.set_away(True)
        self.loop.call_later(seconds * random.random(), self.site.broker.set_away, False)

    def _journal_restored(self, deed: Deed, random: Random) -> str:
        if not self._copies or random.random() < 0.4:
            self._copies.append(self.site.broker.backup())
            return "The broker's store is copied"
        copy = self._copies[-1]
        now = self.site.broker.backup()
        self.site.restore(copy)
        self.ledger.restored(self)
        self._copies = [copy]
        self._make_anew()
        lost = now.events - copy.events
        return (
            f"The broker is restored from its copy: {lost} events and {now.lines - copy.lines} registry lines are lost"
        )

    def _make_anew(self) -> None:
        """The operator tries until there is a roll again."""
        if self.site.is_rebuild_needed and isinstance(self.site.rebuild(), EcoklitError):
            self.loop.call_later(0.4, self._make_anew)

    def _step_refused(self, deed: Deed, random: Random) -> str:
        self.site.store_faults.append("refused")
        return "The database will refuse a step"

    def _step_applied(self, deed: Deed, random: Random) -> str:
        self.site.store_faults.append("applied")
        return "The database will apply a step and report a failure"

    def _database_crash(self, deed: Deed, random: Random) -> str:
        self.site.crash_database()
        self.loop.call_later(random.random(), self._database_back)
        return "The database is killed"

    def _database_back(self) -> None:
        self.site.is_database_away = False

    def _gateway_crash(self, deed: Deed, random: Random) -> str:
        number = random.randrange(len(self.site.gateways))
        self.site.crash_gateway(number)
        self.loop.call_later(0.5 * random.random(), self.site.start_gateways)
        return f"Gateway {number + 1} is killed"

    def _projector_killed(self, deed: Deed, random: Random) -> str:
        self.site.kill_projector()
        self.loop.call_later(random.random(), self.site.start_projector)
        return "The projector is killed"

    def _rebuilt(self, deed: Deed, random: Random) -> str:
        return f"The roll is made anew: {self.rebuild()}"

    def rebuild(self) -> str:
        """What a rebuild came to; Broken when it finds that the live roll was wrong."""
        was_needed = self.site.is_rebuild_needed
        done = self.site.rebuild()
        if isinstance(done, Rebuilt):
            if done.differences and not was_needed:
                codes = ", ".join(one.code for one in done.differences)
                raise Broken("roll_differs", f"The live roll is not what the journal gives: {codes}.")
            return "swapped in" if done.swapped else "thrown away"
        return done.code

    def places(self) -> Sequence[str]:
        return PLACES

    def typed_for(self) -> Sequence[str]:
        return TYPED_FOR


def lies_people() -> Sequence[str]:
    from ecoklit.testing.simulator.plan import LIARS

    return LIARS


def _unsent(hand: Hand, after: int | None = None) -> list[Any]:
    """The pushes that bring what this phone has not sent."""
    identity = hand.outbox.identity()
    if identity is None or not hand.outbox.about().election:
        return []
    held = hand.outbox.own(identity.device, after=identity.held if after is None else after)
    ahead = [] if identity.introduced else enrolment.ahead(hand.outbox, identity.device)
    return list(parts(identity.key, ELECTION, held, registry=ahead)) if held else []
