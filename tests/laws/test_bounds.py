"""The bounds that a random history never reaches: the hundredth event, and the sixty-fifth device."""

from __future__ import annotations

from typing import Any

import pytest
from strategies import core, slow
from world import VILLAGE_A, World, base64url, device_id, item_of

TPS = VILLAGE_A[0]


def _found(world: World, device: str, seq: int, seen: dict[str, tuple[int, str]], **own: Any) -> Any:
    """One `found` by any device, that names the (seq, mark) in `seen`."""
    phone = world.phones[1]
    event = world._event(phone, "found", TPS, 0) | {"voter": world.voters[0][1], "how": "in_person"}
    event |= {"device": device, "seq": seq, "clock": {device: seq} | {name: n for name, (n, _) in seen.items()}}
    event |= {"saw": [seen[name][1] for name in sorted(seen)]} if seen else {}
    return item_of(event | own, None)


def _born() -> tuple[World, dict[str, tuple[int, str]]]:
    world = World(hostile=False)
    world._born(world.phones[0], 0, 0, 0)
    birth = world.made[0]
    return world, {birth.event["device"]: (birth.event["seq"], birth.mark)}


def test_hundredth_event_is_a_bad_clock() -> None:
    """A device's first 99 events about a voter may count; from the hundredth on they are bad_clock, in any order."""
    world, birth = _born()
    items = [_found(world, world.phones[1].device, seq, birth) for seq in range(3, 106)]
    lines = [world.made[0].line, *(item.line for item in reversed(items))]
    outcome = core(lines)
    assert outcome == slow(lines)
    names = [outcome.standings[item.hash.hex()] for item in items]
    assert names == ["counted"] * 99 + ["bad_clock"] * 4


@pytest.mark.parametrize("without", [1, 4])
def test_event_that_comes_late_makes_another_the_hundredth(without: int) -> None:
    """Which event is the hundredth follows from the set that is held, so one that was withheld can still change it."""
    world, birth = _born()
    items = [_found(world, world.phones[1].device, seq, birth) for seq in range(1, 101)]
    held_back = [world.made[0].line, *(item.line for item in items if item.event["seq"] != without)]
    assert core(held_back) == slow(held_back)
    assert core(held_back).standings[items[-1].hash.hex()] == "counted"
    everything = [*held_back, items[without - 1].line]
    assert core(everything) == slow(everything)
    assert core(everything).standings[items[-1].hash.hex()] == "bad_clock"


def test_bad_events_and_forks_count_towards_the_hundredth_by_seq() -> None:
    """Seqs are counted: a fork adds none, a bad event adds one."""
    world, birth = _born()
    device = world.phones[1].device
    items = [_found(world, device, seq, birth) for seq in range(1, 100)]
    items[10] = _found(world, device, 11, birth, entry="fax")
    twin = _found(world, device, 50, birth, how="family")
    last = _found(world, device, 100, birth)
    lines = [world.made[0].line, *(item.line for item in (*items, twin, last))]
    outcome = core(lines)
    assert outcome == slow(lines)
    assert outcome.standings[items[10].hash.hex()] == "bad_event"
    assert outcome.standings[twin.hash.hex()] == outcome.standings[items[49].hash.hex()] == "equivocation"
    assert outcome.standings[items[98].hash.hex()] == "counted"
    assert outcome.standings[last.hash.hex()] == "bad_clock"


@pytest.mark.parametrize(("devices", "name"), [(62, "counted"), (63, "bad_clock"), (64, "bad_clock")])
def test_clock_names_at_most_64_devices(devices: int, name: str) -> None:
    """A clock has at most 64 entries, its own, the office's and 62 more; the 65th is a bad_clock."""
    world, birth = _born()
    others = [_found(world, device_id(f"many-{n}"), 1, birth) for n in range(devices)]
    seen = birth | {item.event["device"]: (1, item.mark) for item in others}
    last = _found(world, device_id("last"), 1, seen)
    lines = [world.made[0].line, *(item.line for item in others), last.line]
    outcome = core(lines)
    assert outcome == slow(lines)
    assert outcome.standings[last.hash.hex()] == name


def test_64_alive_writes_are_all_shown() -> None:
    """Sixty-four phones that saw nothing of each other all stay alive, and all are named."""
    world, birth = _born()
    items = [
        _found(world, device_id(f"many-{n}"), 1 + n % 3, birth, how="family" if n % 2 else "document")
        for n in range(64)
    ]
    lines = [world.made[0].line, *(item.line for item in items)]
    outcome = core(lines)
    assert outcome == slow(lines)
    assert all(f"{item.event['device']}:{item.event['seq']}".encode() in outcome.states[0] for item in items)


@pytest.mark.parametrize(
    ("depth", "name"), [(15, "bad_event"), (16, "malformed"), (300, "malformed"), (7000, "malformed")]
)
def test_nesting_is_bounded(depth: int, name: str) -> None:
    """An event nests at most 16 deep, itself included: else the reader's stack would decide what is malformed."""
    world, birth = _born()
    item = _found(world, world.phones[1].device, 1, birth)
    line = item.line.replace(b'"voter":', b'"vote":' + b"[" * depth + b"]" * depth + b',"voter":')
    assert core([line]).names == slow([line]).names == [name]
    assert _at_depth(500, lambda: core([line]).names) == [name]


def _at_depth(frames: int, ask: Any) -> Any:
    return ask() if frames == 0 else _at_depth(frames - 1, ask)


def test_line_has_at_most_16_kib() -> None:
    """A line of 16 KiB to the byte is read; with one byte more it is malformed."""
    world, birth = _born()
    item = _found(world, world.phones[1].device, 1, birth)
    note = {"salt": base64url(bytes(16)), "note": ""}
    bare = len(item_of(item.event | {"person": "A" * 43}, note).line)
    for extra, name in ((0, "bad_person"), (1, "malformed")):
        person = note | {"note": "x" * (16 * 1024 - bare + extra)}
        line = item_of(item.event | {"person": "A" * 43}, person).line
        lines = [world.made[0].line, line]
        assert core(lines).names == slow(lines).names == [None, name]
