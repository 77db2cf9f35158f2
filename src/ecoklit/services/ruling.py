"""An office's rulings: what each would change, and the signed event that makes it so (SPEC §2.8, §4).

the roll, pulled and proved → a ruling → its event, judged before it is said → held → pushed

An event that is said cannot be taken back, so each is judged first by the law that everybody will judge it by: on a
copy of the roll, with the registry as the office knows it. One that would not count is refused by its name.

The office has one log, for what it imports and for what it rules. Between the durable steps:

1. Events are *held*: their lines are in the outbox of the office's index. A crash before leaves nothing, and nothing
   was said; all the rulings of one command are held together.
2. They are *pushed*. A crash, or an answer that got lost, leaves them in the outbox, and the next command pushes the
   same bytes before it does anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from ecoklit.core import ids
from ecoklit.core.causality import COUNTS, Standing
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.entitlement import LATE, UNKNOWN_TPS, fault_of
from ecoklit.core.event import RECORD_FIELDS, AnyEvent, Reason
from ecoklit.core.limits import LINE_BYTES_MAX
from ecoklit.core.merkle import leaf_hash, tree_head
from ecoklit.core.policy import Policy
from ecoklit.core.registry import NOT_ENTITLED, Grant, Registry
from ecoklit.core.replica import Replica
from ecoklit.core.voter import State, fold_voter
from ecoklit.core.wire import Dot, Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import ListingIndex, LogEnd, SideRow
from ecoklit.services.listing import clock_is_full
from ecoklit.services.step import Elsewhere, sides_of

VERDICTS: Final = ("confirmed", "unvisited", "moved_away", "deceased", "disqualified")
REASONS: Final = get_args(Reason)
OFFICES: Final = ("pps", "ppk", "kpu")
"""The roles that rule, from the lowest up."""
REMEDIES: Final = {
    LATE: "have the area's window extended first ('ecoklit window extend')",
    UNKNOWN_TPS: "have its TPS set first ('ecoklit tps')",
}
"""What lets a ruling count that would not."""
POLICY: Final = "2024-1"
"""Worked under where the registry has set none."""


class RulingFault(EcoklitError):
    """Nothing was said. Codes: bad_ruling, unknown_voter, roll_differs, cloned_log, and the names of standings."""


class Ruling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an office rules of one voter, who stands on the roll of `tps` or once did.

    `changes` are corrected particulars by field, null for none; with `note` they are personal, and never in an
    argument.
    """

    voter: str
    tps: str
    verdict: str | None = None
    reason: str | None = None
    duplicate_of: str | None = None
    to: str | None = None
    changes: dict[str, str | None] | None = None
    note: str | None = None


class Pulled(msgspec.Struct, frozen=True):
    """What the service gave of the roll of a TPS (SPEC §7.11): a whole sweep.

    `kept_out` names the events that the registry keeps out of the count; `digest` is the roll's, "" for nobody's;
    `policies` are those that were set for the TPS.
    """

    tps: str
    held: Sequence[Held]
    kept_out: Mapping[Dot, str]
    lost: Mapping[str, int]
    digest: str
    position: int
    policies: Mapping[str, Policy]


class Side(msgspec.Struct, frozen=True):
    """One side of what stands open about a voter: a value of a register in conflict, or a proposal, and who said it.

    `at` is the author's clock, for people to read: no rule does.
    """

    register: str
    value: str | None
    wins: bool
    type: str
    officer: str
    role: str
    at: str
    device: str
    seq: int


class Roll:
    """The roll of a TPS, folded here and proved to be the service's."""

    def __init__(self, pulled: Pulled, policies: Mapping[str, Policy]) -> None:
        """Raises RulingFault roll_differs."""
        self.tps = pulled.tps
        self._pulled = pulled
        self._policies = {**policies, **pulled.policies}
        self._about: dict[str, list[Held]] = {}
        for one in pulled.held:
            self._about.setdefault(one.voter, []).append(one)
        self._replica = self._folded(pulled)
        if self._digest() != pulled.digest:
            raise RulingFault(
                "roll_differs",
                f"What the service sent of {self.tps} does not come to the digest that it says: update ecoklit here "
                "and there, and do not rule by this list.",
            )

    def _folded(self, pulled: Pulled) -> Replica:
        kept_out = {one.hash: name for one in pulled.held if (name := pulled.kept_out.get(one.dot)) is not None}
        replica = Replica(self._policies, kept_out, pulled.lost)
        replica.receive(pulled.held)
        return replica

    def _digest(self) -> str:
        leaves = [leaf_hash(one.decision_bytes) for one in self.states() if one.decision.tps == self.tps]
        return ids.to_base64url(tree_head(leaves)) if leaves else ""

    def states(self) -> list[State]:
        """Everybody whom an event ever placed here and of whom an event counts, by id; some stand elsewhere."""
        return self._replica.states()

    def about(self, voter: str) -> list[Held]:
        """Every event about the voter that the service holds."""
        return self._about.get(voter, [])

    def state(self, voter: str) -> State | None:
        return self._replica.state((ids.regency_of(self.tps), voter))

    def sides(self, voter: str) -> list[Side]:
        """What is in conflict about the voter and what is proposed, and who said it."""
        state = self.state(voter)
        if state is None:
            return []
        counted = fold_voter(self.about(voter), self._policies, self._replica).judgement.counted
        events = {one.held.dot: one.event for one in counted}
        return [_side(row, events[row.device, row.seq]) for row in sides_of(state, counted)]

    def with_event(self, event: Held, kept_out: str | None) -> tuple[State | None, Standing]:
        """The voter as it would be if `event` were held too, and how that event would stand."""
        about = self.about(event.voter)
        named = {dot for one in about for dot in one.clock.items() if self._replica.holds(dot)}
        names = self._replica.quarantine if kept_out is None else {**self._replica.quarantine, event.hash: kept_out}
        world = Elsewhere(named - {one.dot for one in about}, quarantine=names, lost=self._pulled.lost)
        folded = fold_voter([*about, event], self._policies, world)
        return folded.state, folded.judgement.faults.get(event.hash, COUNTS)


def _side(row: SideRow, event: AnyEvent) -> Side:
    return Side(
        row.register, row.value, row.wins, event.kind, event.officer, event.role, event.at, row.device, row.seq
    )  # fmt: skip


class Prepared(msgspec.Struct, frozen=True):
    """A ruling, the event that would say it, and the voter without and with it; `sides` is what stands open before."""

    ruling: Ruling
    held: Held
    before: State
    after: State
    sides: list[Side]


class Author(msgspec.Struct, frozen=True):
    """Under which name and right an office rules of a voter, and by which policy."""

    officer: str
    role: str
    policy: str


# --- preparing -------------------------------------------------------------------------------------------------------


def prepared(
    log: DeviceLog,
    rolls: Mapping[str, Roll],
    registry: Registry,
    rulings: Sequence[Ruling],
    *,
    at: str,
    salt: Callable[[], bytes],
) -> list[Prepared]:
    """The events of `rulings`, in order, none of them said yet; `log` is moved on by them.

    All or none: raises RulingFault, which names the voter. `rolls` has the roll of each ruling's tps.
    """
    _refuse_twice(rulings)
    return [_prepared(log, rolls[one.tps], registry, one, at, salt) for one in rulings]


def _refuse_twice(rulings: Sequence[Ruling]) -> None:
    seen: set[str] = set()
    for one in rulings:
        if one.voter in seen:
            raise RulingFault("bad_ruling", f"Voter {one.voter} is ruled twice: say all of it in one ruling.")
        seen.add(one.voter)


def _prepared(
    log: DeviceLog, roll: Roll, registry: Registry, ruling: Ruling, at: str, salt: Callable[[], bytes]
) -> Prepared:
    demand_form(ruling)
    before = roll.state(ruling.voter)
    if before is None:
        raise RulingFault(
            "unknown_voter", f"No voter {ruling.voter} was ever on the roll of {ruling.tps}: check the id and the TPS."
        )
    about = roll.about(ruling.voter)
    _demand_room(log, about, ruling)
    tps = before.decision.tps
    author = author_of(registry, log.device, tps)
    log.officer, log.role, log.policy = author.officer, author.role, author.policy
    held = _said(log, ruling, tps, about, at, salt)
    kept_out = fault_of(registry, held, registry.position)
    after, standing = roll.with_event(held, None if kept_out is None else kept_out.name)
    if standing is not COUNTS or after is None:
        why = kept_out.why if kept_out is not None else standing.why
        what = REMEDIES.get(standing.name, "nothing was said")
        raise RulingFault(standing.name, f"The ruling on {ruling.voter} would not count ({why}): {what}.")
    return Prepared(ruling, held, before, after, roll.sides(ruling.voter))


def demand_form(ruling: Ruling) -> None:
    """Refuse what is no ruling by itself. Raises RulingFault bad_ruling."""
    if not ids.is_voter(ruling.voter) or not ids.is_tps(ruling.tps):
        raise RulingFault("bad_ruling", "A ruling names a voter by its id, and a TPS by its 13 digits: mend these.")
    who = f"The ruling on {ruling.voter}"
    if ruling.verdict is None and ruling.to is None and not ruling.changes:
        raise RulingFault("bad_ruling", f"{who} says nothing: give a verdict, a TPS to stand on, or corrections.")
    if ruling.verdict not in (None, *VERDICTS):
        raise RulingFault("bad_ruling", f"{who} has no such verdict: give one of {', '.join(VERDICTS)}.")
    if (ruling.reason is not None) != (ruling.verdict == "disqualified"):
        raise RulingFault("bad_ruling", f"{who}: a reason goes with disqualified, and disqualified needs one.")
    if ruling.reason not in (None, *REASONS):
        raise RulingFault("bad_ruling", f"{who} has no such reason: give one of {', '.join(REASONS)}.")
    if (ruling.duplicate_of is not None) != (ruling.reason == "duplicate"):
        raise RulingFault("bad_ruling", f"{who}: a duplicate is one of another voter, and nothing else is: name it.")
    if ruling.duplicate_of is not None and not ids.is_voter(ruling.duplicate_of):
        raise RulingFault("bad_ruling", f"{who}: name the voter whose duplicate it is by its id.")
    if ruling.duplicate_of is not None and ruling.duplicate_of >= ruling.voter:
        # SPEC §2.5: so two rulings never remove both.
        raise RulingFault("bad_ruling", f"{who}: of two the larger id is struck: rule on {ruling.duplicate_of}.")
    regency = ids.regency_of(ruling.tps)
    if ruling.to is not None and not (ids.is_tps(ruling.to) and ids.regency_of(ruling.to) == regency):
        raise RulingFault("bad_ruling", f"{who}: a voter is ruled onto a TPS of the same regency: give its 13 digits.")
    if any(name not in RECORD_FIELDS for name in ruling.changes or ()):
        # The name that was given is not repeated: it may be somebody's number.
        raise RulingFault("bad_ruling", f"{who} corrects an unknown field: give of {', '.join(RECORD_FIELDS)}.")


def _demand_room(log: DeviceLog, about: Sequence[Held], ruling: Ruling) -> None:
    if any(one.device == log.device and one.seq > log.seq for one in about):
        raise RulingFault(
            "cloned_log",
            "The service holds later events of this office than its folder: the folder was copied or restored. "
            "Enrol this office anew before it rules.",
        )
    if clock_is_full(log.device, about):
        raise RulingFault("bad_clock", f"Voter {ruling.voter} has too many events for one more: another office can.")


def author_of(registry: Registry, device: str, tps: str) -> Author:
    """By which of its rights an office rules of a voter who stands on `tps`: the highest. Raises RulingFault."""
    rights = [one for one in registry.grants_of(device) if one.role in OFFICES and tps.startswith(one.area)]
    if not rights:
        raise RulingFault(
            NOT_ENTITLED, f"This office has no right at {tps}, where the voter stands now: its own office rules."
        )
    right = max(rights, key=_rank)
    return Author(right.officer, right.role, policy_of(registry, tps))


def _rank(grant: Grant) -> tuple[int, int]:
    return OFFICES.index(grant.role), grant.position


def policy_of(registry: Registry, tps: str) -> str:
    """The policy that is worked under at a TPS: the one that was set last."""
    names = [event.policy for _, event in registry.policies if tps.startswith(event.area)]
    return names[-1] if names else POLICY


def _said(log: DeviceLog, ruling: Ruling, tps: str, about: Sequence[Held], at: str, salt: Callable[[], bytes]) -> Held:
    own = {
        name: value
        for name, value in (
            ("verdict", ruling.verdict),
            ("reason", ruling.reason),
            ("duplicate_of", ruling.duplicate_of),
            ("to", ruling.to),
        )
        if value is not None
    }
    try:
        held = log.append(
            "ruled", tps=tps, at=at, voter=ruling.voter, seen=about, person=_person(ruling, salt), **own
        )  # fmt: skip
    except ValueError as error:
        if not (ruling.changes or ruling.note):
            raise RulingFault(
                "roll_behind",
                f"The roll of {ruling.tps} lacks what this office saw of {ruling.voter} before: have it rebuilt "
                "('ecoklit rebuild'), then rule.",
            ) from error
        # What is wrong may be quoted in the error, and it may be somebody's number.
        raise RulingFault(
            "bad_ruling", f"The corrections or the note on {ruling.voter} have no such form: see events/SPEC.md §2.7."
        ) from error
    if len(held.line) > LINE_BYTES_MAX:
        raise RulingFault("bad_ruling", f"The note on {ruling.voter} is too long: shorten it.")
    return held


def _person(ruling: Ruling, salt: Callable[[], bytes]) -> dict[str, Any] | None:
    said = {name: value for name, value in (("changes", ruling.changes), ("note", ruling.note)) if value}
    return {**said, "salt": ids.to_base64url(salt())} if said else None


# --- saying ----------------------------------------------------------------------------------------------------------


def demand_whole(index: ListingIndex, receipted: int) -> None:
    """Refuse an index that knows less of the office's log than a service receipted. Raises RulingFault index_behind.

    Or the office would say another event under a name that it has used, and lose its key by it (SPEC §7.5).
    """
    if index.log_end().seq < receipted:
        raise RulingFault(
            "index_behind",
            f"This office's index ends before its own event {receipted}: it was lost or restored. Run any "
            "'ecoklit import' beside the broker, which learns it again from the journal.",
        )


def hold(index: ListingIndex, said: Sequence[Prepared]) -> None:
    """Put the events into the outbox, all or none, durable on return; from then on they are said."""
    last = said[-1].held
    index.hold([], [one.held.line for one in said], LogEnd(last.seq, last.hash))


# --- showing ---------------------------------------------------------------------------------------------------------


def seen(state: State) -> dict[str, Any]:
    """A state as it is shown beside another one."""
    decision, record = state.decision, state.record
    return {
        "tps": decision.tps,
        "verdict": decision.verdict if decision.reason is None else f"{decision.verdict}/{decision.reason}",
        "on_list": decision.on_list,
        "proposed": decision.proposed,
        "conflicts": sorted([*decision.conflicts, *([] if record is None else record.conflicts)]),
    }


def corrected(before: State, after: State) -> list[str]:
    """The fields of the record that differ; [] where a particular is absent."""
    if before.record is None or after.record is None:
        return []
    was, now = before.record.fields, after.record.fields
    return sorted(name for name in RECORD_FIELDS if getattr(was, name) != getattr(now, name))


def tps_of(rulings: Iterable[Ruling]) -> Collection[str]:
    """The TPS whose rolls the rulings need, each once."""
    return list(dict.fromkeys(one.tps for one in rulings))
