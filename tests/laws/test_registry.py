"""Laws of the registry: rights only come down, and nobody can change a line (SPEC §8.4)."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecoklit.core import ids
from ecoklit.core.registry import DAMAGED, Grant, Registry, RegistryFault, fold_registry
from ecoklit.core.registry_event import RegistryLog, SignedRegistry
from ecoklit.core.signing import Key
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.vectors import shelf

ELECTION, REGENCY = "pilkada-2024", "9404"
AT = "2024-06-24T08:00:00+09:00"
NAMES = ("kpu", "ppk", "pps", "budi", "sari", "mallory")
AREAS = {
    "kpu": ["9404"],
    "ppk": ["940401", "940402"],
    "pps": ["9404012001", "9404012002", "9404022001"],
    "pantarlih": ["9404012001001", "9404012002001", "9404022001001"],
    "operator": ["9404012001", "940402"],
}
ROLE_BELOW = {"kpu": {*AREAS}, "ppk": {"pantarlih", "pps", "operator"}, "pps": {"pantarlih", "operator"}}
EXAMPLES = 2000 if os.environ.get("ECOKLIT_LAWS") == "deep" else 150

_acts = st.lists(
    st.tuples(
        st.sampled_from((*NAMES, "pps", "ppk", "root")),
        st.booleans(),
        st.sampled_from(("enrol", "assign", "assign", "assign", "revoke", "revoke area")),
        st.sampled_from(NAMES),
        st.sampled_from(sorted(AREAS)),
        st.integers(0, 2),
        st.booleans(),
    ),
    min_size=15,
    max_size=40,
)


def _key(name: str) -> Key:
    return made_up_key(7, name)


def _written(acts: list[tuple[Any, ...]]) -> list[SignedRegistry]:
    """A registry in which anybody says anything, in whatever role."""
    logs: dict[str, RegistryLog] = {}
    lines: list[SignedRegistry] = []

    def say(name: str, role: Any, kind: str, **fields: Any) -> None:
        log = logs.setdefault(
            name, RegistryLog(_key(name), election=ELECTION, regency=REGENCY, officer=name, role=role)
        )
        log.role = role
        lines.append(log.append(kind, at=AT, **fields))

    say("root", "kpu", "election_opened", root=_key("root").public, services=[_key("service").public])
    for name in ("kpu", "ppk", "pps", "budi"):
        say("root", "kpu", "device_enrolled", enrolled=_key(name).device, key=_key(name).public, holder=name)
    for name, area in (("kpu", "9404"), ("ppk", "940401"), ("pps", "9404012001")):
        say(
            "root", "kpu", "assigned", officer_assigned=name, role_assigned=name, area=area, to_device=_key(name).device
        )
    # Mostly in the role of the name, or hardly anything would be allowed; else in one that nobody gave.
    for name, in_role, what, about, given_role, which, with_device in acts:
        role = name if in_role and name in ROLE_BELOW else "pantarlih" if in_role else "kpu"
        area = AREAS[given_role][which % len(AREAS[given_role])]
        device = _key(about).device
        if what == "enrol":
            say(name, role, "device_enrolled", enrolled=device, key=_key(about).public, holder=about)
        elif what == "assign":
            more = {"to_device": device} if with_device or given_role == "operator" else {}
            say(name, role, "assigned", officer_assigned=about, role_assigned=given_role, area=area, **more)
        else:
            more = {"area": area} if what == "revoke area" else {}
            say(name, role, "revoked", revoked=device, from_seq=which + 1, **more)
    return lines


def _may_give(before: Registry, grant: Grant) -> bool:
    """Whether the grant's author had an office above it, written down without the program's own words."""
    if before.root is not None and grant.by == before.root.device:
        return True
    if any(one.device == grant.by and one.area is None for one in before.revocations):
        return False
    enrolled = before.devices.get(grant.by)
    for office in before.grants:
        mine = office.to_device == grant.by or (
            office.to_device is None and enrolled and enrolled.holder == office.officer
        )
        taken = any(
            one.device == grant.by and one.area and office.area.startswith(one.area) and one.position > office.position
            for one in before.revocations
        )
        if mine and not taken and grant.role in ROLE_BELOW.get(office.role, ()) and grant.area.startswith(office.area):
            return True
    return False


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_acts)
def test_every_right_comes_down_from_the_root(acts: list[tuple[Any, ...]]) -> None:
    """Whatever anybody signs, no right exists that the root or an office above it, in its area, did not give."""
    grown = Registry(ELECTION, REGENCY)
    for position, line in enumerate(_written(acts), start=1):
        before, grown = grown, grown.extended(position, line)
        for grant in grown.grants[len(before.grants) :]:
            assert _may_give(before, grant), (line.event, grown.grants)
        assert len(grown.grants) >= len(before.grants), "a right was forgotten"


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_acts)
def test_whoever_is_not_in_the_registry_gets_nothing_into_it(acts: list[tuple[Any, ...]]) -> None:
    """A key that nobody enrolled says nothing that counts, and every line is either done or void, once."""
    lines = _written(acts)
    registry = fold_registry(ELECTION, REGENCY, [(n, one.line) for n, one in enumerate(lines, start=1)])
    assert all(grant.by in registry.devices or grant.by == registry.root_device for grant in registry.grants)
    positions = [void.position for void in registry.voids]
    assert len(set(positions)) == len(positions) and set(positions) <= set(range(1, len(lines) + 1))
    assigned = [
        n for n, one in enumerate(lines, start=1) if one.event is not None and hasattr(one.event, "role_assigned")
    ]
    assert sorted([g.position for g in registry.grants] + [n for n in assigned if n in positions]) == assigned


BOOK = [(one["position"], one["line"].encode()) for one in shelf.read("registry.json")["lines"]]


@pytest.mark.parametrize("at", range(len(BOOK)), ids=lambda at: f"line {at + 1}")
def test_no_byte_of_a_line_can_be_changed(at: int) -> None:
    """A registry with any byte of any line changed is refused, or says of that line that the registry is damaged."""
    position, line = BOOK[at]
    for place in range(0, len(line), 1 if os.environ.get("ECOKLIT_LAWS") == "deep" else 29):
        changed = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
        book = [*BOOK[:at], (position, changed), *BOOK[at + 1 :]]
        try:
            registry = fold_registry(ELECTION, REGENCY, book)
        except RegistryFault:
            assert at == 0
            continue
        assert any(void.position == position and void.name in DAMAGED for void in registry.voids), (
            place,
            registry.voids,
        )


def test_a_registry_under_another_root_is_refused() -> None:
    """Whoever knows the root key's id is not shown a whole registry of somebody else's."""
    with pytest.raises(RegistryFault):
        fold_registry(ELECTION, REGENCY, BOOK, root=ids.device_id("ed25519", bytes(32)))
    with pytest.raises(RegistryFault):
        fold_registry("pemilu-2029", REGENCY, BOOK)
