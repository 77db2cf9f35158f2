"""The loop of the worlds: time passes by what is due, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from ecoklit.testing.simulator.virtual_loop import NothingToDo, VirtualLoop


def test_sleepers_wake_in_the_order_of_their_clocks() -> None:
    """An hour passes at once, and whoever sleeps less wakes first; of two at one moment, who went to sleep first."""
    woken: list[str] = []

    async def sleep(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(f"{name} {asyncio.get_running_loop().time():.0f}")

    loop = VirtualLoop()
    with loop:
        loop.run_until_complete(
            asyncio.wait([loop.create_task(sleep(*one)) for one in (("b", 3600), ("a", 60), ("c", 3600))])
        )
    assert woken == ["a 60", "b 3600", "c 3600"]
    assert loop.time() == 3600


def test_a_call_that_blocks_lets_the_world_go_on() -> None:
    """While a callback waits for its answer, what falls due meanwhile happens, another callback's waiting among it."""
    told: list[str] = []
    loop = VirtualLoop()

    def wait(name: str, seconds: float) -> None:
        told.append(f"{name} begins")
        loop.run_until_complete(asyncio.sleep(seconds))
        told.append(f"{name} ends at {loop.time():.0f}")

    with loop:
        loop.call_at(1, wait, "outer", 10)
        loop.call_at(2, wait, "inner", 3)
        loop.pass_time(20)
    assert told == ["outer begins", "inner begins", "inner ends at 5", "outer ends at 11"]


def test_time_outs_locks_and_cancelling_work() -> None:
    """What the services use of asyncio does what it does elsewhere."""
    loop = VirtualLoop()

    async def use() -> float:
        lock = asyncio.Lock()
        async with lock:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await lock.acquire()
        task = asyncio.ensure_future(asyncio.sleep(9))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    with loop:
        assert loop.run_until_complete(use()) == pytest.approx(0.2)


def test_what_can_never_happen_is_named() -> None:
    """Whoever waits for nothing is told so, and a thread is refused: neither hangs."""
    loop = VirtualLoop()

    async def ask_for_a_thread() -> None:
        await asyncio.to_thread(print)

    with loop:
        with pytest.raises(NothingToDo):
            loop.run_until(loop.create_future())
        with pytest.raises(NothingToDo):
            loop.run_until_complete(ask_for_a_thread())


def test_the_loop_outside_comes_back() -> None:
    """A world may be run from within a running loop, which is the running one again afterwards."""

    async def outside() -> bool:
        before = asyncio.get_running_loop()
        with VirtualLoop() as loop:
            assert asyncio.get_running_loop() is loop
        return asyncio.get_running_loop() is before

    assert asyncio.run(outside())
