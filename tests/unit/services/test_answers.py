"""A province is told to whoever sees its regencies, and no part of one passes for the whole."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf
from ecoklit.services.answers import Answers, province_sum
from ecoklit.services.as_of import COUNTS
from ecoklit.services.cursors import Cursors
from ecoklit.services.viewer import SUPERVISOR, Viewer


def row(regency: str, on_list: int, visual: int | None) -> dict[str, Any]:
    counts = dict.fromkeys(("tps_count", *COUNTS), 0) | {"on_list": on_list, "visual": visual}
    return {"regency": regency, "level": "regency", "area": regency} | counts


class Reader:
    """Two regencies; of the second the database gives what the viewer sees of it, as row-level security does."""

    async def province(self, province: str, level: str) -> tuple[list[AsOf], list[dict[str, Any]]]:
        moments = [AsOf(regency, "pilkada-2024", 7, 7) for regency in ("9404", "9405")]
        return moments, [row("9404", 500, 9), row("9405", 3, None)]


def answers() -> Answers:
    async def nothing(*_: object) -> Any:
        raise AssertionError("not asked")

    return Answers(
        regency="9404", reader_for=lambda _: Reader(), registry=nothing, past=nothing, cursors=Cursors(b""),
        digests=SimpleNamespace(of=lambda _: None), today=lambda: date(2024, 7, 1), disclose=nothing,
    )  # type: ignore[arg-type]  # fmt: skip


def who(*areas: str) -> Viewer:
    return Viewer("a-1", "bawaslu", SUPERVISOR, areas, frozenset())


async def test_a_regency_that_is_seen_in_part_is_left_out() -> None:
    """Its moment and its row are not there, whatever the database gives of it; and there is no sum without it."""
    told = await answers().province(who("9404", "9405011001"), "94", "regency")
    assert [moment.regency for moment, _ in told.as_of] == ["9404"]
    assert [one["area"] for one in told.rows] == ["9404"]
    for areas in (("9404", "9405011001"), ("9404",)):
        with pytest.raises(EcoklitError) as refused:
            await answers().province(who(*areas), "94", "province")
        assert refused.value.code == "not_your_area"


async def test_who_sees_all_of_it_is_told_the_sum() -> None:
    """The counts of both; one that is left out of a regency is left out of the province."""
    told = await answers().province(who("9404", "9405"), "94", "province")
    assert told.rows == [province_sum("94", [row("9404", 500, 9), row("9405", 3, None)])]
    assert (told.rows[0]["on_list"], told.rows[0]["visual"], told.rows[0]["area"]) == (503, None, "94")
