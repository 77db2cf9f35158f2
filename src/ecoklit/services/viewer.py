"""Who asks: an account with its areas and rights. Every use case that reads for people takes a `Viewer`; a door that
has none has nothing to answer.

The database holds the same areas against every row once more (`ports.Seen`): neither is enough by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType
from typing import Final, NamedTuple

from ecoklit.core import ids
from ecoklit.errors import EcoklitError

PANTARLIH: Final = "pantarlih"
PPS: Final = "pps"
PPK: Final = "ppk"
KPU: Final = "kpu"
SUPERVISOR: Final = "supervisor"
ANALYST: Final = "analyst"
AUDITOR: Final = "auditor"

UNMASK: Final = "unmask"
EXPORT: Final = "export"
APPROVE: Final = "approve"
DECIDE: Final = "decide"
ACCOUNTS: Final = "accounts"
RIGHTS: Final = (UNMASK, EXPORT, APPROVE, DECIDE, ACCOUNTS)
"""unmask: whole identity numbers, with a reason. export: lists as files. approve: the second person's word. decide:
rulings, stages and new polling places. accounts: other people's accounts in its own areas."""

OWN_RIGHTS: Final = MappingProxyType(
    {
        PANTARLIH: frozenset[str](),
        PPS: frozenset({DECIDE}),
        PPK: frozenset({DECIDE}),
        KPU: frozenset({DECIDE, APPROVE, ACCOUNTS}),
        SUPERVISOR: frozenset[str](),
        ANALYST: frozenset[str](),
        AUDITOR: frozenset[str](),
    }
)
"""What a role has by itself; whatever else, an account is given by name."""

NEVER: Final = MappingProxyType(
    {
        PANTARLIH: frozenset(RIGHTS),
        SUPERVISOR: frozenset({UNMASK, DECIDE, ACCOUNTS}),
        ANALYST: frozenset({UNMASK, DECIDE, APPROVE, ACCOUNTS}),
        AUDITOR: frozenset({DECIDE, APPROVE, ACCOUNTS}),
    }
)
"""What no account of a role may be given: who supervises, counts or audits the work does not do it."""

AREA_DIGITS: Final = MappingProxyType({PANTARLIH: (13,), PPS: (10, 13), PPK: (6,), KPU: (4,)})
"""How wide the areas of an office's roles are; of the other roles: 4 to 13 digits."""
AREAS_MAX: Final = 100


class Viewer(NamedTuple):
    """An account that has signed in. `areas` are codes of 4 to 13 digits: no account sees the nation or a province."""

    account: str
    login: str
    role: str
    areas: tuple[str, ...]
    rights: frozenset[str]

    def may(self, right: str) -> bool:
        return right in self.rights

    def sees(self, area: str) -> bool:
        """Whether all of `area` lies in one of its own. "" and a province lie in none."""
        return any(area.startswith(own) for own in self.areas)

    def demand(self, area: str, right: str | None = None) -> None:
        """Raises EcoklitError not_your_area, then not_your_right."""
        if not self.sees(area):
            # What is no code may be somebody's number or name.
            named = area if ids.is_area(area) or ids.is_tps(area) else "that"
            raise EcoklitError("not_your_area", f"This account does not see {named}: ask about an area of your own.")
        if right is not None and not self.may(right):
            raise EcoklitError("not_your_right", f"This account has no right '{right}': whoever made it can give it.")


def rights_of(role: str, given: Collection[str] = ()) -> frozenset[str]:
    """What an account of that role may do. Raises EcoklitError bad_account for a role or right that there is not, or
    that the role never has.
    """
    if role not in OWN_RIGHTS:
        raise EcoklitError("bad_account", f"'{role}' is no role: give one of {', '.join(OWN_RIGHTS)}.")
    unknown = sorted(set(given) - set(RIGHTS))
    if unknown:
        raise EcoklitError("bad_account", f"'{unknown[0]}' is no right: give some of {', '.join(RIGHTS)}.")
    never = sorted(NEVER.get(role, frozenset()) & set(given))
    if never:
        raise EcoklitError("bad_account", f"No {role} may have the right '{never[0]}': leave it out.")
    return OWN_RIGHTS[role] | frozenset(given)


def areas_of(role: str, areas: Collection[str]) -> tuple[str, ...]:
    """The areas in order, none inside another. Raises EcoklitError bad_account for one that the role cannot have."""
    if not 0 < len(areas) <= AREAS_MAX:
        raise EcoklitError("bad_account", f"An account sees 1 to {AREAS_MAX} areas: name them.")
    wide = AREA_DIGITS.get(role, (4, 6, 10, 13))
    for area in areas:
        if not (ids.is_area(area) or ids.is_tps(area)) or len(area) not in wide:
            digits = ", ".join(str(one) for one in wide)
            raise EcoklitError("bad_account", f"'{area}' is no area of a {role}: give its {digits} digits.")
    kept: list[str] = []
    for area in sorted(areas):
        if not (kept and area.startswith(kept[-1])):
            kept.append(area)
    return tuple(kept)
