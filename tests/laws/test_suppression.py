"""Counts of few people are not given away by those that are shown (core/suppression.py), tried out in full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, product

import pytest

from ecoklit.core.suppression import CELL_MIN, Cell, shown, total

REGENCY = "9404"
PEOPLED = 50  # on a list that bounds no count here
FAMILIES = [
    lists for parts in (1, 2, 3, 4) for lists in combinations_with_replacement((0, 1, 4, PEOPLED), parts) if any(lists)
]
COUNT_MAX = {1: 20, 2: 20, 3: 14, 4: 11}


def regency_of(lists: Sequence[int], counts: Sequence[int]) -> dict[str, Cell]:
    """A regency of districts with these lists and counts."""
    districts = {f"{REGENCY}{number:02}": Cell(*one) for number, one in enumerate(zip(lists, counts, strict=True))}
    return {REGENCY: Cell(sum(lists), sum(counts)), **districts}


def published(worlds: Iterator[dict[str, Cell]]) -> list[list[dict[str, Cell]]]:
    """The worlds, those together of which the same is shown."""
    alike: dict[tuple[int | None, ...], list[dict[str, Cell]]] = defaultdict(list)
    for world in worlds:
        told = shown(world)
        assert set(told) == set(world)
        alike[tuple(told[area] for area in world)].append(world)
    return list(alike.values())


@pytest.mark.parametrize("lists", FAMILIES, ids=str)
def test_no_count_left_out_can_be_worked_out(lists: tuple[int, ...]) -> None:
    """Every count that is left out could be another one, for somebody who has all that is shown, all lists, and the
    rule itself: of all regencies that look so, two at least differ in it. Unless everybody on every list is counted."""
    most = COUNT_MAX[len(lists)]
    every = product(*(range(min(on_list, most) + 1) for on_list in lists))
    left_out = 0
    for alike in published(regency_of(lists, counts) for counts in every):
        (first, *_) = alike
        # Of a greater sum not every regency was made.
        if first[REGENCY].counted > most or first[REGENCY].counted == first[REGENCY].on_list:
            continue
        for area, count in shown(first).items():
            if count is None:
                left_out += 1
                assert len({world[area].counted for world in alike}) > 1, (lists, area, first)
    assert left_out or max(lists) < CELL_MIN or lists.count(PEOPLED) == 0


def test_no_level_gives_another_away() -> None:
    """The same over three levels: districts, and villages of which some are hidden with their district."""
    villages = [f"{REGENCY}{district:02}200{village}" for district in (1, 2) for village in (1, 2)]

    def world(counts: Sequence[int]) -> dict[str, Cell]:
        cells = dict(zip(villages, (Cell(PEOPLED, count) for count in counts), strict=True))
        for digits in (6, 4):
            for area in {village[:digits] for village in villages}:
                inside = [count for village, count in zip(villages, counts, strict=True) if village.startswith(area)]
                cells[area] = Cell(PEOPLED * len(inside), sum(inside))
        return dict(sorted(cells.items()))

    left_out = 0
    for alike in published(world(counts) for counts in product(range(13), repeat=4)):
        if alike[0][REGENCY].counted <= 12:  # of a greater sum not every world was made
            for area, count in shown(alike[0]).items():
                if count is None:
                    left_out += 1
                    assert len({one[area].counted for one in alike}) > 1, (area, alike[0])
    assert left_out > 100


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ((5, 9, 0), [5, 9, 0]),  # nobody is few
        ((0, 0, 0), [0, 0, 0]),
        ((5, 9, 2), [None, None, None]),  # 2 alone would be what is missing: nothing else is as small
        ((5, 9, 2, 0), [5, 9, None, None]),  # 2 and 0 could be 1 and 1
        ((5, 9, 4, 4), [None] * 4),  # 8 of two that are below five can only be 4 and 4
        ((5, 9, 3, 3), [5, 9, None, None]),
        ((1, 1), [None, None]),  # the regency itself has two
    ],
    ids=str,
)
def test_what_is_shown_beside_few(counts: tuple[int, ...], told: list[int | None]) -> None:
    """Counts below five go together where they leave each other room; else the whole family goes."""
    answer = shown(regency_of([PEOPLED] * len(counts), counts))
    assert list(answer.values())[1:] == told


def test_an_empty_list_hides_nothing() -> None:
    """A TPS that nobody is on any more is 0 for all to see, and so no other number is safe behind it."""
    assert list(shown(regency_of([50, 50, 0], [9, 2, 0])).values()) == [11, None, None, 0]


def test_few_in_the_regency_are_few_everywhere() -> None:
    """Where the regency itself has one to four, no part of it is shown, but lists that are empty."""
    assert list(shown(regency_of([50, 50, 0], [3, 0, 0])).values()) == [None, None, None, 0]


def test_a_province_is_the_sum_of_what_is_shown_or_nothing() -> None:
    """Its regencies are no family of one database: where one of them is left out, so is the sum."""
    assert total([7, 0, 12]) == 19 and total([]) == 0
    assert total([7, None, 12]) is None
