"""Which counts of few people may be shown where nobody is named, so that the others do not give them away.

A count of one to four people says who they are to everybody in a village. To leave it out is not enough: what its
area's sum has more than the parts that are shown is that very count. So areas are looked at in families, the parts of
one area together, from the regency down:

1. an area with nobody on its list counts nobody: 0 is shown, and it hides nothing;
2. the parts of an area are all shown when no count of theirs is 1 to 4 and none of them has a list of one to four
   (whose count is small whatever it is), or when there is nobody to count;
3. else the counts below five are left out, zeros with them, if there are two of them at least and together they leave
   room: each could then be another number, and with it the others;
4. else all parts are left out;
5. what lies within an area that is left out is left out too.

Which of these holds follows from what is shown and from the sums alone, never from how a sum that is left out is made
up. So even somebody who knows this rule finds for each count that is left out two numbers at least that it could be:
tests/laws/test_suppression.py tries all of them. (But where everybody on every list of an area is counted, the lists
themselves say so.) There is one pattern for a whole regency, whatever part of it was asked about: answers about
different areas, or to different people, do not add up to more.

What this cannot do: between two moments one person comes or goes, and somebody who asks at both may learn of one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

COLUMNS: Final = ("physical", "intellectual", "mental", "speech", "hearing", "visual")
"""The columns of a recap that the rule is for: how many people on the list have each disability."""
CELL_MIN: Final = 5
"""Fewer people than these would be known to everybody in a village."""
_ABOVE: Final = {4: 0, 6: 4, 10: 6, 13: 10}
"""Digits of an area's code → digits of the code that it is a part of."""


class Cell(NamedTuple):
    """How many people of an area are on its list, and how many of them are counted by one column."""

    on_list: int
    counted: int


def shown(cells: Mapping[str, Cell]) -> dict[str, int | None]:
    """Area code → the count, or None where it is left out.

    `cells` has the regency, and of every area that has any part in it, all parts: as far down as anybody asks.
    """
    families: dict[str, list[str]] = defaultdict(list)
    for area in cells:
        families[area[: _ABOVE[len(area)]]].append(area)
    told: dict[str, int | None] = {"": 0}
    for parent, parts in sorted(families.items(), key=lambda family: len(family[0])):
        inside = _family({area: cells[area] for area in parts})
        is_open = told[parent] is not None
        told.update({area: count if is_open or not cells[area].on_list else None for area, count in inside.items()})
    del told[""]
    return told


def total(counts: Iterable[int | None]) -> int | None:
    """The sum over areas that are no family (a province's regencies): None where any of them is left out."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


def _family(parts: Mapping[str, Cell]) -> dict[str, int | None]:
    """The counts of one area's parts, as far as they may be known beside their sum."""
    peopled = {area: cell for area, cell in parts.items() if cell.on_list}
    few = {area: cell for area, cell in peopled.items() if cell.counted < CELL_MIN}
    if all(not cell.counted and cell.on_list >= CELL_MIN for cell in few.values()):
        hidden: Mapping[str, Cell] = {}
    else:
        hidden = _hidden(peopled, few)
    return {area: None if area in hidden else cell.counted for area, cell in parts.items()}


def _hidden(peopled: Mapping[str, Cell], few: Mapping[str, Cell]) -> Mapping[str, Cell]:
    """What is left out when `few` of the parts could be told by their counts: these, or all."""
    inside = sum(cell.counted for cell in few.values())
    # Each of them can take up to four of what the others have. A list of one to four cannot, and is of no help.
    helping = sum(cell.on_list >= CELL_MIN for cell in few.values())
    if helping < 2 or inside > helping * (CELL_MIN - 1) - 2:
        return peopled if any(cell.counted for cell in peopled.values()) else {}
    return few if inside else {}
