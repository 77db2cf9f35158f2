"""The unruly network does what it says, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from ecoklit.testing.cutting_proxy import MISHAPS, CuttingProxy, Mishap, by_chance

ASKED = b"0123456789" * 4


class Echo:
    """A server that says back in capitals what it is told, and remembers it."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            told = await reader.readexactly(len(ASKED))
        except asyncio.IncompleteReadError as cut:
            self.told.append(cut.partial)
            return
        except OSError:
            return
        self.told.append(told)
        writer.write(b"*" + told)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def behind(*mishaps: Mishap | None) -> AsyncIterator[tuple[Echo, CuttingProxy]]:
    """An echo behind a proxy that lets these befall the next pieces, and nothing after them."""
    echo, coming = Echo(), [*mishaps]
    listener = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        async with CuttingProxy(port, lambda: coming.pop(0) if coming else None) as proxy:
            yield echo, proxy


async def asked(proxy: CuttingProxy) -> bytes:
    """All that comes back; whether the end was orderly or not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(ASKED)
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


async def test_nothing_befalls() -> None:
    """What is said arrives as it is, both ways, once."""
    async with behind() as (echo, proxy):
        assert await asked(proxy) == b"*" + ASKED
        assert echo.told == [ASKED]
        assert not proxy.befallen


@pytest.mark.parametrize("where", [0, 1])
async def test_a_delay_changes_no_byte(where: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is late arrives whole."""
    monkeypatch.setattr("ecoklit.testing.cutting_proxy.DELAY_SECONDS_MAX", 0.01)
    async with behind(*[None] * where, "delay") as (echo, proxy):
        assert await asked(proxy) == b"*" + ASKED
        assert (echo.told, proxy.befallen["delay"]) == ([ASKED], 1)


async def test_a_question_that_is_cut_never_arrives() -> None:
    """Neither side hears anything more."""
    async with behind("cut") as (echo, proxy):
        assert await asked(proxy) == b""
        assert ASKED not in echo.told


async def test_an_answer_that_is_cut_was_given() -> None:
    """The server has done it, and the client cannot know."""
    async with behind(None, "cut") as (echo, proxy):
        assert await asked(proxy) == b""
        assert echo.told == [ASKED]


async def test_a_truncated_answer_ends_in_the_middle() -> None:
    """Its first half arrives, then the end of the connection."""
    async with behind(None, "truncate") as (echo, proxy):
        assert await asked(proxy) == (b"*" + ASKED)[: (len(ASKED) + 1) // 2]
        assert echo.told == [ASKED]


async def test_a_repeated_question_is_asked_twice_and_answered_once() -> None:
    """The server is told twice; the client hears one answer."""
    async with behind("repeat") as (echo, proxy):
        assert await asked(proxy) == b"*" + ASKED
        while len(echo.told) < 2:
            await asyncio.sleep(0.01)
        assert echo.told == [ASKED, ASKED]


async def test_an_answer_is_never_repeated() -> None:
    """A repetition of what the server says would be no network's doing."""
    async with behind(None, "repeat") as (echo, proxy):
        assert await asked(proxy) == b"*" + ASKED
        assert (echo.told, proxy.befallen["repeat"]) == ([ASKED], 0)


def test_mishaps_come_by_their_share_and_take_turns() -> None:
    """Each kind as often as the others; none at a share of nothing; the same from one seed."""
    befall = by_chance(Random(1), 0.5)
    found = [befall() for _ in range(400)]
    befallen = [one for one in found if one is not None]
    assert 150 < len(befallen) < 250
    assert befallen[:8] == [*MISHAPS, *MISHAPS]
    again = by_chance(Random(1), 0.5)
    assert found == [again() for _ in range(400)]
    assert not any(by_chance(Random(1), 0.0)() for _ in range(100))
