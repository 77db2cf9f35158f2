"""Who may see what, before any database is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.errors import EcoklitError
from ecoklit.services.viewer import NEVER, OWN_RIGHTS, RIGHTS, Viewer, areas_of, rights_of

REGENCY, DISTRICT, VILLAGE, TPS = "9404", "940401", "9404012001", "9404012001003"


def viewer(*areas: str, role: str = "kpu") -> Viewer:
    return Viewer("a", "siti", role, areas, rights_of(role))


digits = st.text("0123456789", max_size=13)


@given(own=st.lists(st.sampled_from([REGENCY, DISTRICT, VILLAGE, TPS]), min_size=1), area=digits)
def test_an_account_sees_what_lies_in_its_areas(own: list[str], area: str) -> None:
    """It sees an area if and only if the code of one of its own is the beginning of it."""
    assert viewer(*own).sees(area) == any(area[: len(one)] == one for one in own)


@pytest.mark.parametrize("area", ["", "9", "94", "9403", "9405012001"])
def test_nobody_sees_the_nation_or_a_province(area: str) -> None:
    """What is wider than the account's area, or beside it, is refused by name."""
    with pytest.raises(EcoklitError) as refused:
        viewer(REGENCY).demand(area)
    assert refused.value.code == "not_your_area"


def test_a_right_is_asked_after_the_area() -> None:
    """An account learns of a missing right only in its own area."""
    with pytest.raises(EcoklitError) as refused:
        viewer(DISTRICT, role="analyst").demand(DISTRICT, "export")
    assert refused.value.code == "not_your_right"
    viewer(REGENCY).demand(TPS, "decide")


@pytest.mark.parametrize("role", OWN_RIGHTS)
def test_a_role_has_nothing_that_it_may_never_have(role: str) -> None:
    """What a role may never be given it does not have by itself, and each such right is refused."""
    never = NEVER.get(role, frozenset())
    assert not OWN_RIGHTS[role] & never
    for right in sorted(never):
        with pytest.raises(EcoklitError, match=right):
            rights_of(role, [right])
    assert rights_of(role, set(RIGHTS) - never) == frozenset(RIGHTS) - never


@pytest.mark.parametrize(("role", "given"), [("king", []), ("kpu", ["everything"]), ("", [])])
def test_roles_and_rights_that_there_are_not_are_refused(role: str, given: list[str]) -> None:
    """An unknown role or right is refused, with those that there are."""
    with pytest.raises(EcoklitError) as refused:
        rights_of(role, given)
    assert refused.value.code == "bad_account"


@pytest.mark.parametrize(
    ("role", "areas"),
    [("kpu", ["94"]), ("kpu", [DISTRICT]), ("pps", [REGENCY]), ("pantarlih", [VILLAGE]), ("analyst", ["00"]),
     ("analyst", [""]), ("analyst", []), ("analyst", ["9404x"]), ("analyst", [str(n) for n in range(1100, 1201)])],
    ids=lambda value: str(value)[:24],
)  # fmt: skip
def test_areas_that_a_role_has_not_are_refused(role: str, areas: list[str]) -> None:
    """The nation, a province, what is no code, none, too many, and what is wider than the role's work: refused."""
    with pytest.raises(EcoklitError) as refused:
        areas_of(role, areas)
    assert refused.value.code == "bad_account"


def test_an_area_inside_another_is_left_out() -> None:
    """Areas come in order, each once, none inside another."""
    assert areas_of("analyst", ["9405", TPS, DISTRICT, DISTRICT, REGENCY]) == (REGENCY, "9405")
