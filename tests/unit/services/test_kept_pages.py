"""A page that several ask for is read once, and never given to whoever it is too old for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.errors import EcoklitError
from ecoklit.ports import AsOf, Edition
from ecoklit.ports.editions import Footing
from ecoklit.services.kept_pages import OVERHEAD_BYTES, Editions, Kept, KeptPages


def footing(revision: int, imprint: str | None = None, generation: str = "g") -> Footing:
    return Footing(Edition(AsOf("9404", "pilkada-2024", revision * 10, revision), generation, revision), imprint)


def kept(of: Footing, body: bytes = b"[]") -> Kept:
    return Kept(of.edition, of.imprint, body, 0, None, None)


async def test_those_who_ask_at_once_share_one_reading() -> None:
    """Fifty who want one page: it is read once, and all are given it."""
    pages, read = KeptPages(), list[int]()

    async def slow() -> Kept:
        read.append(1)
        await asyncio.sleep(0.01)
        return kept(footing(3))

    given_to = await asyncio.gather(*(pages.page("k", footing(3), slow) for _ in range(50)))
    assert len(read) == 1
    assert {page.body for page in given_to} == {b"[]"}


async def test_who_asks_after_a_step_is_not_given_what_was_read_before_it() -> None:
    """A page that is being read of step 3 is none for a question of step 4; one that was asked of step 3 takes it."""
    pages, go_on = KeptPages(), asyncio.Event()

    async def of_3() -> Kept:
        await go_on.wait()
        return kept(footing(3), b"[3]")

    async def of_4() -> Kept:
        return kept(footing(4), b"[4]")

    early = asyncio.create_task(pages.page("k", footing(3), of_3))
    await asyncio.sleep(0)
    late = asyncio.create_task(pages.page("k", footing(4), of_4))
    await asyncio.sleep(0)
    go_on.set()
    assert ((await early).body, (await late).body) == (b"[3]", b"[4]")


async def test_a_page_whose_tps_was_left_alone_is_given_as_of_now() -> None:
    """Steps elsewhere in the regency leave the rows, and move the moment that the answer states."""
    pages = KeptPages()

    async def once() -> Kept:
        return kept(footing(3, "rows"))

    async def never() -> Kept:
        raise AssertionError("read again")

    await pages.page("k", footing(3, "rows"), once)
    later = await pages.page("k", footing(9, "rows"), never)
    assert later.edition.revision == 9
    for other in (footing(9, "others"), footing(9, None), footing(3, "rows", "rebuilt")):
        with pytest.raises(AssertionError):
            await pages.page("k", other, never)


async def test_whoever_goes_away_leaves_the_others_their_page() -> None:
    """The one who began the reading is cancelled; it goes on for those who joined it."""
    pages, go_on = KeptPages(), asyncio.Event()

    async def read() -> Kept:
        await go_on.wait()
        return kept(footing(3))

    first = asyncio.create_task(pages.page("k", footing(3), read))
    await asyncio.sleep(0)
    second = asyncio.create_task(pages.page("k", footing(3), read))
    await asyncio.sleep(0)
    first.cancel()
    go_on.set()
    assert (await second).rows == 0


async def test_what_cannot_be_read_is_tried_again_by_the_next() -> None:
    """An error is told to those who waited for it and kept for nobody."""
    pages = KeptPages()

    async def fails() -> Kept:
        raise EcoklitError("service_busy", "later")

    async def works() -> Kept:
        return kept(footing(3))

    told = await asyncio.gather(*(pages.page("k", footing(3), fails) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, EcoklitError) for one in told)
    assert (await pages.page("k", footing(3), works)).rows == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3_000)), max_size=60))
def test_no_more_is_kept_than_there_is_room_for(asked: list[tuple[int, int]]) -> None:
    """Whatever is asked in whatever order: the bytes kept stay within the bound, and are those of the pages kept."""
    bound = 4 * OVERHEAD_BYTES
    pages = KeptPages(bound)

    async def ask() -> None:
        for nth, (key, size) in enumerate(asked):

            async def read(of: int = nth, size: int = size) -> Kept:
                return kept(footing(of), bytes(size))

            await pages.page(key, footing(nth), read)
            held = sum(len(one.body) + OVERHEAD_BYTES for one in pages._kept.values())
            assert pages._bytes == held <= bound

    asyncio.run(ask())


class Reader:
    """Each asking is a step later; whoever asks says how many wait."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    async def editions(self, regency: str, tps: Sequence[str]) -> list[Footing]:
        self.asked.append((regency, list(tps)))
        await asyncio.sleep(0.001)
        if regency == "9999":
            raise EcoklitError("not_projected", "none")
        now = len(self.asked)
        return [footing(now, f"{code} {now}") for code in tps] or [footing(now)]


async def test_what_is_told_was_asked_after_the_question_came() -> None:
    """Those who come while one asking is under way are told by the next, all together, each of its own TPS."""
    reader = Reader()
    editions = Editions(reader)
    first = asyncio.create_task(editions.now("9404", "9404010001001"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(reader.asked) == 1
    others: list[Any] = await asyncio.gather(
        *(editions.now("9404", code) for code in ("9404010001001", "9404010001002", None)),
        editions.now("9999", None),
        return_exceptions=True,
    )
    assert (await first).edition.revision == 1
    assert [one.imprint for one in others[:3]] == ["9404010001001 2", "9404010001002 2", None]
    assert isinstance(others[3], EcoklitError)
    assert [regency for regency, _ in reader.asked] == ["9404", "9404", "9999"]
