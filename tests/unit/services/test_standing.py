"""Where an area stands, from the rows of its lists."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ecoklit.services.standing import PACE_DAYS, parts_of, silent_of, whole_of

COUNTS = ("sesuai", "ubah", "baru", "proposed", "in_conflict")
LAST = date(2024, 7, 1)


def recap(area: str, on_list: int, removed: int, visited: int) -> dict[str, Any]:
    return {"area": area, "on_list": on_list, "removed": removed, "visited": visited} | dict.fromkeys(COUNTS, 0)


def worked(area: str, days_ago: int, n: int, kind: str = "sesuai") -> dict[str, Any]:
    return {"area": area, "day": LAST - timedelta(days=days_ago), "kind": kind, "n": n}


@given(st.integers(0, 500), st.integers(0, 500), st.lists(st.integers(0, 200), min_size=1, max_size=8))
def test_days_left_are_just_enough(visited: int, to_visit: int, by_day: list[int]) -> None:
    """At the pace of the last days of work everybody is visited after the days left, and not a day before."""
    rows = [worked("9404012001001", ago, n) for ago, n in enumerate(by_day)]
    (part,) = parts_of([recap("9404012001001", visited + to_visit, 0, visited)], rows)
    pace = sum(by_day[:PACE_DAYS])
    assert part.to_visit == to_visit
    if not to_visit:
        assert part.days_left == 0
    elif not pace:
        assert part.days_left is None
    else:
        assert part.days_left is not None
        assert part.days_left * pace >= to_visit * PACE_DAYS > (part.days_left - 1) * pace


def test_only_visits_are_a_pace() -> None:
    """Somebody not met, an undone entry or a ruling is no visit."""
    rows = [worked("9404012001001", 0, 9, kind) for kind in ("not_met", "reopened", "ruled")]
    (part,) = parts_of([recap("9404012001001", 10, 0, 0)], rows)
    assert (part.a_day, part.days_left) == (0, None)


def test_a_whole_needs_as_long_as_its_slowest_part() -> None:
    """Counts are sums; days left are the most of any part that has work left, unknown where one has not begun."""
    rows = [worked("9404012001001", 0, 30), worked("9404012001002", 0, 3)]
    parts = parts_of([recap("9404012001001", 100, 0, 40), recap("9404012001002", 10, 2, 6)], rows)
    whole = whole_of("9404012001", parts)
    assert (whole.on_list, whole.visited, whole.to_visit, whole.days_left) == (110, 46, 66, 6)
    assert whole_of("94", [*parts, *parts_of([recap("9404012001003", 5, 0, 0)], [])]).days_left is None
    assert whole_of("94", parts_of([recap("9404012001003", 5, 0, 5)], [])).days_left == 0


def test_who_is_silent() -> None:
    """In use and not heard from since then, the longest silent first; a revoked or lost device is expected to be."""
    now = datetime(2024, 7, 1, tzinfo=UTC)
    device = {"officer": "siti", "revoked_from": None, "lost_after": None}
    rows = [
        device | {"device": "a", "last_heard": now - timedelta(hours=25)},
        device | {"device": "b", "last_heard": now - timedelta(hours=1)},
        device | {"device": "c", "last_heard": None},
        device | {"device": "d", "last_heard": None, "revoked_from": 3},
        device | {"device": "e", "last_heard": None, "lost_after": 0},
    ]
    assert [one.device for one in silent_of(rows, now - timedelta(hours=24))] == ["c", "a"]
