"""Conflicts, proposals and movers of an earlier moment, as the views and queries of the same names give them of now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from msgspec import UNSET

from ecoklit.services.disclose import disclosed
from ecoklit.services.step import sides_of

if TYPE_CHECKING:
    from ecoklit.ports import SideRow
    from ecoklit.services.as_of import Voter

Row = dict[str, Any]

STAYS: Final = ("confirmed", "unvisited")
PROPOSAL: Final = "proposal"


def conflicts_of(voter: Voter) -> list[Row]:
    """The sides of the voter's open conflicts (projections/queries/conflicts.sql)."""
    by_register: dict[str, list[Row]] = {}
    for side in _sides(voter):
        if side.register != PROPOSAL:
            by_register.setdefault(side.register, []).append(_said(voter, side, wins=side.wins))
    return [disclosed(row | judged) for sides in by_register.values() for row, judged in _aged(sides)]


def proposals_of(voter: Voter) -> list[Row]:
    """The removals that stand proposed (projections/queries/proposals.sql)."""
    rows = []
    for side in _sides(voter):
        if side.register == PROPOSAL:
            said = _said(voter, side)
            event = voter.counted[side.device, side.seq].event
            rows.append(
                disclosed(
                    {name: said[name] for name in ("regency", "tps", "voter")}
                    | {"proposal": side.value, "verdict": voter.row.verdict, "evidence": _known(event, "evidence")}
                    | {name: said[name] for name in _BY}
                    | {"weight": 0 if voter.row.verdict in STAYS else 1}
                )
            )
    return rows


def move_of(voter: Voter) -> Row | None:
    """The voter's move (view `movers`), if there is one."""
    row = voter.row
    is_said = "moved_away" in (row.proposed or ())
    if row.first_tps == row.tps and row.verdict != "moved_away" and not is_said:
        return None
    moved = max(
        (one for one in voter.counted.values() if _moves(one.event)), key=lambda one: one.position, default=None
    )
    event = None if moved is None else moved.event
    return disclosed(
        {
            "regency": voter.state.decision.regency,
            "voter": UUID(row.voter),
            "from_tps": row.first_tps,
            "to_tps": None if row.verdict == "moved_away" else row.tps,
            "to_area": _known(event, "to_area"),
            "state": _state(row.verdict, is_said=is_said),
            "is_disputed": "tps" in (row.conflicts or ()),
            **{name: _known(event, name) for name in ("evidence", "officer", "role", "device", "seq")},
            "position": None if moved is None else moved.position,
        }
    )


def _state(verdict: str, *, is_said: bool) -> str:
    if verdict == "moved_away":
        return "gone"
    if is_said:
        return "proposed"
    return {"unvisited": "awaited", "confirmed": "met"}.get(verdict, "removed")


def _moves(event: Any) -> bool:
    if event.kind == "moved":
        return True
    to, verdict = _known(event, "to"), _known(event, "verdict")
    return event.kind in ("ruled", "reopened") and (to is not None or verdict == "moved_away")


def _known(event: Any, name: str) -> Any:
    value = getattr(event, name, None)
    return None if value is UNSET else value


def _sides(voter: Voter) -> Iterator[SideRow]:
    return sides_of(voter.state, [one.counted for one in voter.counted.values()])


_BY: Final = ("officer", "role", "at_tps", "at", "device", "seq", "position")


def _said(voter: Voter, side: SideRow, **more: Any) -> Row:
    """One side, with the event that says it."""
    one = voter.counted[side.device, side.seq]
    event = one.event
    return {
        "regency": voter.state.decision.regency,
        "tps": voter.row.tps,
        "voter": UUID(voter.row.voter),
        "register": side.register,
        "value": side.value,
        **more,
        "type": event.kind,
        "officer": event.officer,
        "role": event.role,
        "at_tps": event.tps,
        "at": event.at,
        "device": side.device,
        "seq": side.seq,
        "position": one.position,
    }


def _aged(sides: Sequence[Row]) -> list[tuple[Row, Row]]:
    """The sides of one conflict with its weight, and the position of the event by which it became one."""
    in_order = sorted(sides, key=lambda row: (row["position"], row["device"], row["seq"]))
    first = _opinion(in_order[0])
    others = [row["position"] for row in in_order if _opinion(row) != first]
    weight = _weight(in_order)
    return [(row, {"weight": weight, "opened": min(others, default=row["position"])}) for row in in_order]


def _opinion(row: Row) -> Any:
    return "stays" if row["register"] == "verdict" and row["value"] in STAYS else row["value"]


def _weight(sides: Sequence[Row]) -> int:
    register = sides[0]["register"]
    if register != "verdict":
        return 1 if register == "tps" else 3
    return 0 if len({row["value"] in STAYS for row in sides}) == 2 else 2
