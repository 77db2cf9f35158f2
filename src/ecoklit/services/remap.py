"""Splitting and merging TPS: who is to stand on which list from now on, as rulings.

A plan is made whole before anything is said: it refuses what would split a family or overfill a TPS. Its rulings are
held together, so that a remap which was interrupted is one that goes on: what was held is pushed, and whoever stands
where the plan sends them is planned no more. Therefore no TPS is both left and entered in one file: a second run could
not tell who had just come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ecoklit.core import ids
from ecoklit.core.voter import State
from ecoklit.errors import EcoklitError
from ecoklit.services.ruling import Roll, Ruling


class RemapFault(EcoklitError):
    """Nothing was planned. Codes: bad_remap, family_split, over_limit."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file: of the voters on the list of `tps`, those that fit all that is given, go to `to`.

    With none of voter, nkk, rt and rw it is the whole TPS. `line` is its number in the file.
    """

    line: int
    tps: str
    to: str
    voter: str = ""
    nkk: str = ""
    rt: str = ""
    rw: str = ""


class Planned(msgspec.Struct, frozen=True):
    """A voter who is to go, by which line; `with_family`: no line named them, but somebody of their family."""

    voter: str
    tps: str
    to: str
    line: int
    with_family: bool


class Size(msgspec.Struct, frozen=True):
    """How many voters are on the list of a TPS, now and then."""

    tps: str
    before: int
    after: int


class Plan(msgspec.Struct, frozen=True):
    """Who goes where, how large each TPS becomes, and the lines that nobody fits (any more)."""

    planned: list[Planned]
    sizes: list[Size]
    idle: list[int]


def tps_of(moves: Iterable[Move]) -> list[str]:
    """The TPS whose rolls a plan needs, each once, those that are left first."""
    found = list(moves)
    return list(dict.fromkeys([one.tps for one in found] + [one.to for one in found]))


def plan(rolls: Mapping[str, Roll], moves: Sequence[Move], *, known: frozenset[str], limit: int) -> Plan:
    """What the lines come to on these rolls; `known` are the TPS of the registry, empty where it names none.

    Raises RemapFault.
    """
    for one in moves:
        if known and one.to not in known:
            raise RemapFault("bad_remap", f"Line {one.line}: the registry has no {one.to}: say it with 'ecoklit tps'.")
    listed = {tps: [one for one in roll.states() if _stands(one, tps)] for tps, roll in rolls.items()}
    goes, idle = _chosen(listed, moves)
    planned = [one for tps in dict.fromkeys(one.tps for one in moves) for one in _with_families(listed[tps], goes)]
    sizes = _sizes(listed, planned)
    for size in sizes:
        if size.after > limit and size.after > size.before:
            raise RemapFault(
                "over_limit", f"TPS {size.tps} would have {size.after} voters, more than {limit}: send fewer there."
            )
    return Plan(planned, sizes, idle)


def rulings_of(plan: Plan) -> list[Ruling]:
    """The rulings that make it so."""
    return [Ruling(voter=one.voter, tps=one.tps, to=one.to) for one in plan.planned]


def demand_form(moves: Sequence[Move]) -> None:
    """Refuse lines that are no remap by themselves, before any roll is asked for. Raises RemapFault bad_remap."""
    for one in moves:
        _demand_form(one)
    left = {one.tps for one in moves}
    for one in moves:
        if one.to in left:
            raise RemapFault(
                "bad_remap", f"Line {one.line}: {one.to} is left and entered in one file: make a file for each step."
            )


def _demand_form(move: Move) -> None:
    where = f"Line {move.line}"
    if not (ids.is_tps(move.tps) and ids.is_tps(move.to)):
        raise RemapFault("bad_remap", f"{where}: tps and to are codes of 13 digits: mend them.")
    if move.tps == move.to or ids.regency_of(move.tps) != ids.regency_of(move.to):
        raise RemapFault("bad_remap", f"{where}: to is another TPS of the same regency: mend it.")
    if move.voter and not ids.is_voter(move.voter):
        raise RemapFault("bad_remap", f"{where}: voter is an id of 36 characters: mend it, or leave it empty.")


def _stands(state: State, tps: str) -> bool:
    return state.decision.on_list and state.decision.tps == tps


def _chosen(listed: Mapping[str, Sequence[State]], moves: Sequence[Move]) -> tuple[dict[str, Move], list[int]]:
    """Voter → the line that sends them, and the lines that nobody fits."""
    goes: dict[str, Move] = {}
    idle = []
    for move in moves:
        fit = [one.decision.voter for one in listed[move.tps] if _fits(one, move)]
        if not fit:
            idle.append(move.line)
        for voter in fit:
            other = goes.setdefault(voter, move)
            if other.to != move.to:
                raise RemapFault(
                    "bad_remap", f"Lines {other.line} and {move.line} send one voter to two TPS ({voter}): mend one."
                )
    return goes, idle


def _fits(state: State, move: Move) -> bool:
    if move.voter and state.decision.voter != move.voter:
        return False
    wanted = {name: value for name in ("nkk", "rt", "rw") if (value := getattr(move, name))}
    if not wanted:
        return True
    fields = None if state.record is None else state.record.fields
    return fields is not None and all(_same(name, getattr(fields, name), value) for name, value in wanted.items())


def _same(name: str, value: str | None, wanted: str) -> bool:
    # A list says 3 where the next one says 003; a family card's number is as it is.
    if name != "nkk" and (value or "").isdigit() and wanted.isdigit():
        return int(value or "") == int(wanted)
    return value == wanted


def _with_families(listed: Sequence[State], goes: Mapping[str, Move]) -> list[Planned]:
    """Everybody of one list who goes: those whom a line names, and their families with them."""
    lines: dict[str, Move] = {}
    for state in listed:
        move, family = goes.get(state.decision.voter), _family(state)
        if move is None or not family:
            continue
        other = lines.setdefault(family, move)
        if other.to != move.to:
            raise RemapFault(
                "family_split",
                f"Lines {other.line} and {move.line} split the family of {state.decision.voter}: send it to one TPS.",
            )
    planned = []
    for state in listed:
        voter = state.decision.voter
        move = goes.get(voter) or lines.get(_family(state))
        if move is not None:
            planned.append(Planned(voter, move.tps, move.to, move.line, voter not in goes))
    return planned


def _family(state: State) -> str:
    return (state.record.fields.nkk or "") if state.record is not None else ""


def _sizes(listed: Mapping[str, Sequence[State]], planned: Iterable[Planned]) -> list[Size]:
    after = Counter({tps: len(states) for tps, states in listed.items()})
    for one in planned:
        after[one.tps] -= 1
        after[one.to] += 1
    return [Size(tps, len(states), after[tps]) for tps, states in sorted(listed.items())]
