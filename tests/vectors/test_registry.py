"""The registry's vectors: what each line does, and what the whole keeps out of the count (SPEC §8)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from ecoklit.core import wire
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.entitlement import QUARANTINES, fault_of
from ecoklit.core.registry import Registry, erased_of, fold_registry
from ecoklit.testing.vectors import shelf

BOOK = shelf.read("registry.json")
LINES = [(one["position"], one["line"].encode()) for one in BOOK["lines"]]
SALT = "AAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return fold_registry(BOOK["election"], BOOK["regency"], LINES, root=BOOK["root"])


@pytest.mark.parametrize("one", BOOK["lines"], ids=lambda one: f"{one['position']} by {one['by']}")
def test_a_line_does_what_it_says_or_is_void_by_its_name(one: dict[str, Any], registry: Registry) -> None:
    """Each line is void by exactly the name that the vector gives, or not at all."""
    names = [void.name for void in registry.voids if void.position == one["position"]]
    assert names == ([] if one["void"] is None else [one["void"]])


def _event(case: dict[str, Any]) -> wire.Held:
    log = DeviceLog(
        BOOK["election"], case["device"], officer=case["officer"], role=case["role"], policy=case["policy"],
        seq=case["seq"] - 1,
    )  # fmt: skip
    voter = "00000000-0000-8000-8000-000000000000"
    return log.append("found", tps=case["tps"], at=case["at"], voter=voter, how="in_person")


@pytest.mark.parametrize("case", BOOK["judged"], ids=lambda case: case["note"])
def test_an_event_is_judged_by_the_registry(case: dict[str, Any], registry: Registry) -> None:
    """The registry keeps the event out by exactly the name that the vector gives, or not at all."""
    fault = fault_of(registry, _event(case), case["stamp"])
    assert (None if fault is None else fault.name) == case["name"]


def test_what_is_erased_and_who_signs_the_logs(registry: Registry) -> None:
    """Erasures and keys of logs stand in the registry as the vector has them; the later one of everybody is of all."""
    erased = [(one.position, one.event.order, one.event.voter) for one in erased_of(registry)]
    assert erased == [(one["position"], one["order"], one["voter"] or UNSET) for one in BOOK["erased"]]
    keys = [(one.position, one.event.log, one.event.origin, one.event.key.device) for one in registry.log_keys]
    assert keys == [(one["position"], one["log"], one["origin"], one["device"]) for one in BOOK["log_keys"]]
    first, everybody = BOOK["erased"]
    before = fold_registry(BOOK["election"], BOOK["regency"], LINES[: everybody["position"] - 1])
    other = "00000000-0000-8000-8000-000000000002"
    assert [before.is_erased(first["voter"]), before.is_erased(other), registry.is_erased(other)] == [True, False, True]
    assert [one.position for one in erased_of(registry, first["position"])] == [first["position"]]
    said, unsaid = registry.log_key_of("voters"), registry.log_key_of("registry")
    assert (said, unsaid) == (registry.log_keys[0], None)


def test_every_quarantine_has_a_case() -> None:
    """No name by which the registry keeps an event out is without an example, nor is counting."""
    assert {case["name"] for case in BOOK["judged"]} == {*QUARANTINES, None}


def test_a_registry_read_in_pieces_is_the_same(registry: Registry) -> None:
    """To extend it line by line gives what reading it at once gives: every right, every void, every end of a log."""
    from ecoklit.core.registry_event import read_line

    grown = Registry(BOOK["election"], BOOK["regency"])
    for position, line in LINES:
        before = (grown.position, grown.grants, dict(grown.devices))
        after = grown.extended(position, read_line(line))
        assert (grown.position, grown.grants, grown.devices) == before, "the older value was changed"
        grown = after
    ours, theirs = dict(grown.__dict__), dict(registry.__dict__)
    ours.pop("judged"), theirs.pop("judged")
    assert ours == theirs
