"""A whole list is kept for its pages as long as the projection stands still, and never more rows than may be kept."""

from __future__ import annotations

from ecoklit.ports import AsOf, Edition
from ecoklit.services.whole_lists import WholeList, WholeLists

AS_OF = AsOf("9404", "pilkada-2024", 12, 12)


def edition(revision: int, generation: str = "g") -> Edition:
    return Edition(AS_OF, generation, revision)


def of(rows: int, revision: int = 1) -> WholeList:
    return WholeList(edition(revision), AS_OF, [{"n": n} for n in range(rows)], None)


def test_it_is_kept_while_nothing_was_projected() -> None:
    """Of the same build and revision it is given; after a step, or by another build, it is gone for good."""
    kept = WholeLists()
    for other in (edition(2), edition(1, "h")):
        kept.keep("a", of(3))
        assert kept.find("a", edition(1)) == of(3)
        assert kept.find("a", other) is None and kept.find("a", edition(1)) is None


def test_no_more_rows_are_kept_than_may_be() -> None:
    """The longest unasked goes first; what is too long by itself is not kept, and pushes nothing out."""
    kept = WholeLists(rows_max=10)
    kept.keep("a", of(4))
    kept.keep("b", of(4))
    assert kept.find("a", edition(1)) is not None
    kept.keep("c", of(4))
    assert kept.find("b", edition(1)) is None
    kept.keep("d", of(11))
    assert [key for key in "abcd" if kept.find(key, edition(1))] == ["a", "c"]
    kept.keep("a", of(6))  # in its own place, not beside itself
    assert [len(kept.find(key, edition(1)).rows) for key in "ac"] == [6, 4]  # type: ignore[union-attr]
