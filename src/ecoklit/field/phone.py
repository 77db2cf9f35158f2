"""A phone in somebody's hand: the roll as it folds it, and the entries that its officer makes (SPEC §2, §3).

An entry is written from all that the phone holds about the voter, is tried against the same law that the service
folds by, and is on disk before anyone is told that it is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from ecoklit.core import ids
from ecoklit.core.causality import BAD_CLOCK, COUNTED, EQUIVOCATION, PARKED, Standing, clock_fault
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS, AnyEvent, Moved, New, NotMet, Reopened, Ruled
from ecoklit.core.policy import Policy
from ecoklit.core.reconcile import Fate, Terms, place_of, terms_of
from ecoklit.core.registry_event import RegistryLog
from ecoklit.core.replica import Replica
from ecoklit.core.roll import digests, leaves
from ecoklit.core.signing import ED25519, Key, key_from_seed
from ecoklit.core.voter import State, fold_voter
from ecoklit.core.wire import Held
from ecoklit.field import enrolment
from ecoklit.field.outbox import FROM_PULL, FROM_RECEIPT, About, Identity, Outbox, RegistryLine, Told
from ecoklit.field.rights import why_of
from ecoklit.field.trouble import NotSaid

SEED_BYTES: Final = 32
NUMBER_DIGITS_MAX: Final = 5
"""A longer run of digits is part of an id, not a number in the list."""

ID_PART_MIN: Final = 4
_ENVELOPE: Final = (
    "at", "changed", "clock", "device", "election", "nth", "officer", "person", "policy", "prev", "role", "saw", "seq",
    "tps", "type", "v", "voter",
)  # fmt: skip
"""What an entry has by where and when it is said; the rest is what it says."""


class Said(NamedTuple):
    """An entry that is saved, and how it stands in the phone's own fold."""

    held: Held
    standing: Standing


class Entry(NamedTuple):
    """One voter of a roll, by its number in this phone's list."""

    number: int
    state: State


class OwnEntry(NamedTuple):
    """An own entry that does not count at the service: `fate` is why, `name` the standing that was told."""

    held: Held
    fate: Fate
    name: str
    why: str


class Status(NamedTuple):
    """What is saved, sent and held of the phone's present log; `proved` says that a verified receipt names its end."""

    about: About
    device: str
    saved: int
    held: int
    proved: bool
    stuck: str
    why: str
    outside: list[OwnEntry]

    @property
    def unsent(self) -> int:
        return self.saved - self.held


class Phone:
    """One phone. `now` is its wall clock, which may be wrong; `entropy` gives so many bytes of chance."""

    def __init__(
        self,
        outbox: Outbox,
        policies: Mapping[str, Policy],
        *,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        self.outbox = outbox
        self._shipped = policies
        self._now = now
        self._entropy = entropy
        self.reload()

    def reload(self) -> None:
        """Fold what the store holds, anew."""
        self._version = self.outbox.version()
        self._about: dict[str, list[Held]] = {}
        self._gone: dict[str, list[Held]] = {}
        for one in self.outbox.gone():
            self._gone.setdefault(one.voter, []).append(one)
        # What the service ships goes before what came with the program: a published policy is never changed.
        self._policies = {**self._shipped, **self.outbox.policies()}
        held = self.outbox.held()
        self._replica = Replica(self._policies, _quarantine(held, self.outbox.standings(FROM_PULL)), self.outbox.lost())
        self._receive(held)

    def _receive(self, held: Iterable[Held]) -> None:
        known = list(held)
        for one in known:
            about = self._about.setdefault(one.voter, [])
            if all(other.hash != one.hash for other in about):
                about.append(one)
        self._replica.receive(known)

    def _refresh(self) -> None:
        if self.outbox.version() != self._version:
            self.reload()

    # --- the key -------------------------------------------------------------------------------------------------

    def identity(self, algorithm: str | None = None) -> Identity:
        """The phone's key; made at the first call, ed25519 unless another kind is asked for.

        Raises NotSaid bad_key when a key of another kind was made before.
        """
        identity = self.outbox.identity()
        if identity is not None and algorithm not in (None, identity.key.algorithm):
            raise NotSaid(
                "bad_key",
                f"This phone has a key of the kind {identity.key.algorithm} already, for life: use another --home.",
            )
        if identity is None:
            self.outbox.make_identity(self._fresh_key(algorithm or ED25519))
            identity = self.outbox.identity()
            assert identity is not None
        return identity

    def _fresh_key(self, algorithm: str) -> Key:
        while True:
            try:
                return key_from_seed(algorithm, self._entropy(SEED_BYTES))
            except ValueError:  # one draw in 2^32 is no scalar of p256
                continue

    def _enrolled(self) -> tuple[About, Identity]:
        about, identity = self.outbox.about(), self.outbox.identity()
        if identity is None or not about.election:
            raise NotSaid("not_enrolled", "This phone is enrolled nowhere yet: run 'ecoklit phone enrol'.")
        return about, identity

    def place(self, tps: str | None = None) -> str:
        """The TPS that is worked on: `tps`, or the phone's only one. Raises NotSaid no_tps.

        One that lies in an area of the phone's, as an operator has it, is among its TPS from then on.
        """
        places = [place.tps for place in self.outbox.places()]
        if tps is None and len(places) == 1:
            return places[0]
        if tps in places:
            return str(tps)
        areas = enrolment.areas_of(self.outbox)
        if tps is None or not any(tps.startswith(area) for area in areas):
            shown = ", ".join([*places, *(area for area in areas if area not in places)]) or "none"
            raise NotSaid("no_tps", f"Say by --tps which TPS is worked on; this phone may work in {shown}.")
        self.outbox.add_place(tps)
        return tps

    # --- the roll ------------------------------------------------------------------------------------------------

    def states(self) -> list[State]:
        self._refresh()
        return self._replica.states()

    def roll(self, tps: str) -> list[Entry]:
        """The voters of a TPS, on the list or off, by their numbers; each keeps its number for good."""
        here = [state for state in self.states() if state.decision.tps == tps]
        numbers = self.outbox.numbers()
        fresh = [state for state in here if state.decision.voter not in numbers]
        if fresh:
            self.outbox.number(state.decision.voter for state in sorted(fresh, key=_as_visited))
            numbers = self.outbox.numbers()
        return sorted(Entry(numbers[state.decision.voter], state) for state in here)

    def digest(self, tps: str) -> str | None:
        """The digest of the roll as this phone folds it, base64url; None when nobody was ever on it."""
        here = [state for state in self.states() if state.decision.tps == tps]
        found = digests(leaves(here)).get(tps)
        return None if found is None else ids.to_base64url(found)

    def terms(self, tps: str) -> Terms:
        """How the list of the TPS came to be, by voters."""
        return terms_of(
            [place_of(state, self._about[state.decision.voter]) for state in self.states()],
            tps,
        )

    def about(self, voter: str) -> list[Held]:
        """Every event about the voter that this phone folds."""
        self._refresh()
        return list(self._about.get(voter, ()))

    def _seen(self, voter: str) -> list[Held]:
        """What the next entry about the voter has seen, what the service lost included: its clock never falls."""
        return [*self.about(voter), *self._gone.get(voter, ())]

    def standing(self, held: Held) -> Standing:
        """How a held event stands in the phone's own fold."""
        return self._replica.standing(held.hash)

    def voter(self, named: str) -> str:
        """The voter that a person names: by its number in the list, or by a part of its id. Raises NotSaid."""
        if named.isdecimal() and len(named) <= NUMBER_DIGITS_MAX:
            for place in self.outbox.places():
                self.roll(place.tps)  # gives numbers to whoever has none yet
            found = [voter for voter, number in self.outbox.numbers().items() if number == int(named)]
        else:
            found = [voter for voter in self._known() if len(named) >= ID_PART_MIN and named.lower() in voter]
        if not found:
            raise NotSaid(
                "unknown_voter",
                f"'{named}' is no number in this phone's list, and no part of an id in it (at least {ID_PART_MIN} "
                "characters): see 'ecoklit phone list'.",
            )
        if len(found) > 1:
            raise NotSaid("ambiguous_voter", f"'{named}' is a part of {len(found)} ids: give more of it.")
        return found[0]

    def _known(self) -> list[str]:
        self._refresh()
        return sorted(self._about)

    # --- entries -------------------------------------------------------------------------------------------------

    def say(
        self,
        type: str,
        voter: str | None,
        *,
        tps: str | None = None,
        officer: str | None = None,
        person: Mapping[str, Any] | None = None,
        **own_fields: Any,
    ) -> Said:
        """Save the next entry; None is a birth. Raises NotSaid, or PhoneFault when it could not be written.

        `officer` is who stood at the door, when somebody else types. `person` gets its salt here.
        """
        self._refresh()
        about, identity = self._enrolled()
        place = self.place(tps)
        about = about._replace(policy=self.outbox.policy_at(place) or about.policy)
        log = _log(about, identity.key, *self.outbox.end(identity.device), officer=officer)
        if type == NotMet.kind:
            own_fields["nth"] = 1 + _attempts(self.about(voter or ""), identity.device)
        try:
            held = log.append(
                type,
                tps=place,
                at=self._at(),
                voter=voter,
                seen=() if voter is None else self._seen(voter),
                person=None if person is None else {**person, "salt": self._salt()},
                **own_fields,
            )
        except ValueError as error:
            raise NotSaid("bad_entry", f"The entry was not made: {error}.") from error
        self._demand_counting(held)
        self.outbox.append(held)
        # Here it is on disk; whoever dies from now on finds it there.
        self._receive([held])
        return Said(held, self.standing(held))

    def _demand_counting(self, held: Held) -> None:
        folded = fold_voter([*self.about(held.voter), held], self._policies, self._replica)
        fault = folded.judgement.faults.get(held.hash)
        if fault is not None and fault.name != PARKED:
            raise NotSaid(
                "would_not_count", f"The entry was not made, since it would not count: {fault.name}, {fault.why}."
            )

    def _at(self) -> str:
        return self._now().isoformat(timespec="seconds")

    def _salt(self) -> str:
        return ids.to_base64url(self._entropy(ids.MARK_BYTES))

    def undo(self, voter: str, *, officer: str | None = None) -> Said:
        """Take back this phone's last entry about the voter, who is then to be visited; nothing is erased."""
        last = self._last_own(voter)
        event = last.event
        assert event is not None
        if isinstance(event, New | NotMet | Reopened | Ruled):
            raise NotSaid("not_undone", _NOT_UNDONE[event.kind])
        before = self._without(last)
        own_fields: dict[str, Any] = {}
        if isinstance(event, Moved) and before.decision.tps != self._state(voter).decision.tps:
            own_fields["to"] = before.decision.tps
        changes = _back(last, before)
        person = {"changes": changes} if changes else None
        return self.say("reopened", voter, tps=event.tps, officer=officer, person=person, **own_fields)

    def _last_own(self, voter: str) -> Held:
        devices = self.outbox.devices()
        own = [one for one in self.about(voter) if one.device in devices]
        if not own:
            raise NotSaid("not_undone", "This phone said nothing about that voter, so it has nothing to take back.")
        return max(own, key=lambda one: (devices.index(one.device), one.seq))

    def _state(self, voter: str) -> State:
        state = self._replica.state((self.outbox.about().regency, voter))
        if state is None:
            raise NotSaid("not_undone", "Nothing about that voter counts here: sync first.")
        return state

    def _without(self, last: Held) -> State:
        others = [one for one in self.about(last.voter) if one.hash != last.hash]
        before = fold_voter(others, self._policies, self._replica).state
        if before is None:
            raise NotSaid("not_undone", "Nothing is known of the voter but that entry: it cannot be taken back.")
        return before

    # --- what becomes of the entries -----------------------------------------------------------------------------

    def outside(self) -> list[OwnEntry]:
        """The own entries that do not count at the service, as far as this phone knows, and why."""
        identity = self.outbox.identity()
        if identity is None:
            return []
        told = self._told()
        found: list[OwnEntry] = []
        again = self.outbox.said_again()
        for device in self.outbox.devices():
            for one in self.outbox.own(device):
                if one.dot in again:
                    continue
                if device == identity.device and one.seq > identity.held:
                    found.append(OwnEntry(one, "unsent", "unsent", ""))
                elif one.dot in told:
                    standing = told[one.dot]
                    fate: Fate = "parked" if standing.name == PARKED else "quarantined"
                    found.append(OwnEntry(one, fate, standing.name, standing.why or self._why(one, standing.name)))
        return found

    def _why(self, held: Held, name: str) -> str:
        """In a clause, why the entry stands as the service named it: by the phone's own fold, or by the registry."""
        own = self.standing(held)
        if own.name == name and own.why:
            return own.why
        return why_of(self.outbox, held, name)

    def _told(self) -> dict[tuple[str, int], Told]:
        # A receipt is about own events and comes first in a sync; a pull that came later has the last word.
        told = {(one.device, one.seq): one for one in self.outbox.standings(FROM_RECEIPT) if one.name != COUNTED}
        told.update({(one.device, one.seq): one for one in self.outbox.standings(FROM_PULL)})
        return told

    def status(self) -> Status:
        about, identity = self._enrolled()
        saved, last = self.outbox.end(identity.device)
        receipt = self.outbox.latest_receipt(identity.device)
        proved = (
            receipt is not None
            and identity.held == saved == receipt.receipt.seq
            and (receipt.receipt.head == ids.to_base64url(last))
        )
        return Status(
            about, identity.device, saved, identity.held, proved, identity.stuck, identity.why, self.outside()
        )

    def report(self, tps: str | None = None) -> RegistryLine:
        """The officer's final report of a TPS: a registry event of the phone's own, saved here (SPEC §8.2)."""
        about, identity = self._enrolled()
        place = self.place(tps)
        digest = self.digest(place)
        if digest is None:
            raise NotSaid("bad_entry", f"Nobody is on the roll of {place} here: sync first, then report.")
        seq, last = self.outbox.registry_end(identity.device)
        log = RegistryLog(
            identity.key,
            election=about.election,
            regency=about.regency,
            officer=about.officer,
            role="pantarlih" if about.role == "operator" else about.role,  # type: ignore[arg-type]
            seq=seq,
            prev=ids.to_base64url(last),
        )
        signed = log.append(
            "tps_reported",
            at=self._at(),
            tps=place,
            last=self.outbox.end(identity.device)[0],
            totals=totals_of(self.terms(place)),
            digest=digest,
        )
        line = RegistryLine(signed.hash, signed.device, signed.seq, signed.line)
        self.outbox.append_registry(line)
        return line

    # --- a new key -----------------------------------------------------------------------------------------------

    def reissue(self) -> list[Held]:
        """A new key, under which every own entry is said again that the service does not hold, or has set aside
        because the key was used elsewhere; those entries. They keep their times; what they saw is seen anew.

        The new key has to be enrolled like the first one.
        """
        self._refresh()
        about, identity = self._enrolled()
        again = self._to_say_again(identity)
        gone = {one.hash for one in again}
        key = self._fresh_key(identity.key.algorithm)
        log = _log(about, key, 0, ids.ZERO_HASH, officer=None)
        known = {voter: [one for one in about_one if one.hash not in gone] for voter, about_one in self._about.items()}
        said = [_say_again(log, one, known) for one in again]
        self.outbox.reissue(key, said, [one.dot for one in again])
        self.reload()
        return said

    def _to_say_again(self, identity: Identity) -> list[Held]:
        told = self._told()
        at_service = self.outbox.pulled_hashes(identity.device)
        # Of a log that it calls forked, the service has no more than a beginning, whatever it once brought.
        is_forked = identity.stuck == EQUIVOCATION
        return [
            one
            for one in self.outbox.own(identity.device)
            if (one.seq > identity.held and (is_forked or one.hash not in at_service))
            or (one.dot in told and told[one.dot].name == EQUIVOCATION)
        ]


def totals_of(terms: Terms) -> dict[str, int]:
    """The numbers of a final report, by term."""
    named = msgspec.structs.asdict(terms)
    return {name: len(voters) for name, voters in sorted(named.items()) if name != "tps"}


def _log(about: About, key: Key, seq: int, last: bytes, *, officer: str | None) -> DeviceLog:
    return DeviceLog(
        about.election,
        key.device,
        officer=officer or about.officer,
        role="pantarlih" if about.role == "operator" else about.role,
        policy=about.policy,
        seq=seq,
        prev=ids.to_base64url(last),
    )


def _quarantine(held: Sequence[Held], told: Sequence[Told]) -> dict[bytes, str]:
    names = {(one.device, one.seq): one.name for one in told}
    return {one.hash: names[one.dot] for one in held if one.dot in names}


def _as_visited(state: State) -> tuple[str, ...]:
    """The order in which an officer walks: by neighbourhood, house and family."""
    fields = None if state.record is None else state.record.fields
    if fields is None:
        return ("~", state.decision.voter)
    by = (fields.rw, fields.rt, fields.address, fields.nkk, fields.birth_date, fields.name)
    return (*(value or "" for value in by), state.decision.voter)


def _attempts(about: Iterable[Held], device: str) -> int:
    return sum(isinstance(one.event, NotMet) and one.device == device for one in about)


def _back(last: Held, before: State) -> dict[str, str | None]:
    """The particulars that the entry changed, as they were before it."""
    changed = getattr(last.event, "changed", msgspec.UNSET)
    if changed is msgspec.UNSET:
        return {}
    if before.record is None:
        raise NotSaid("not_undone", "What the voter's particulars were before is not known here: correct them by hand.")
    return {name: getattr(before.record.fields, name) for name in RECORD_FIELDS if name in changed}


_NOT_UNDONE: Final = {
    "new": "A person who was added is not taken back: if it was a mistake, use 'disqualified --reason entry_error'.",
    "not_met": "That nobody was met changes nothing about the voter, so there is nothing to take back.",
    "reopened": "The voter is open again already: enter what is true now.",
    "ruled": "A ruling is not taken back by an undo: rule again.",
}


def _say_again(log: DeviceLog, one: Held, known: dict[str, list[Held]]) -> Held:
    """What the entry says, as the next one of `log`; a voter that it gave birth to gets its new id in `known`."""
    event = one.event
    assert event is not None  # a phone writes no bad event
    voter, duplicate_of = _renamed(event, known)
    own_fields = {name: value for name, value in msgspec.to_builtins(event).items() if name not in _ENVELOPE}
    if duplicate_of is not None:
        own_fields["duplicate_of"] = duplicate_of
    about = known.get(voter or "", [])
    if isinstance(event, NotMet):
        own_fields["nth"] = 1 + _attempts(about, log.device)
    officer, log.officer = log.officer, event.officer
    try:
        said = log.append(
            event.kind,
            tps=event.tps,
            at=event.at,
            voter=voter,
            seen=about,
            person=None if one.person_bytes is None else msgspec.json.decode(one.person_bytes),
            **own_fields,
        )
    except ValueError as error:
        raise NotSaid("bad_entry", f"Entry {one.seq} cannot be said again ({error}): nothing was changed.") from error
    finally:
        log.officer = officer
    if clock_fault(said) is not None:
        raise NotSaid("bad_entry", f"Entry {one.seq} cannot be said again ({BAD_CLOCK}): nothing was changed.")
    if isinstance(event, New):
        known[event.voter] = known[said.voter] = [said]
    else:
        about.append(said)
    return said


def _renamed(event: AnyEvent, known: Mapping[str, list[Held]]) -> tuple[str | None, str | None]:
    """The voter, and whose duplicate it is, by the ids that they have now."""
    if isinstance(event, New):
        return None, None
    voter = _now_named(event.voter, known)
    other = getattr(event, "duplicate_of", msgspec.UNSET)
    if other is msgspec.UNSET:
        return voter, None
    pair = sorted((voter, _now_named(other, known)))
    return pair[1], pair[0]  # always the larger id is struck (SPEC §2.5)


def _now_named(voter: str, known: Mapping[str, list[Held]]) -> str:
    about = known.get(voter)
    return about[0].voter if about else voter
