"""The network between a phone and the gateways: it loses, doubles, delays, cuts and answers in others' names.

A call blocks its caller, and the world goes on meanwhile: what falls due in that time happens before the answer is
read. What was sent may still arrive when its sender has long given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, Final, Protocol

from ecoklit.core.admission import EQUIVOCATION, REFUSALS, Refused, is_chained, read_push
from ecoklit.errors import EcoklitError
from ecoklit.field.transport import Ask, NonceNeeded
from ecoklit.field.trouble import Away, NotEntitled, TryLater
from ecoklit.services import pull as pulls
from ecoklit.testing.simulator.site import ELECTION, Gateway, Site

PORTAL: Final = b"<html><title>WARNET MERDEKA</title>Silakan masuk</html>"
REFUSED: Final = (*REFUSALS, "bad_argument", "unknown_area")

Call = Callable[[Gateway], Coroutine[Any, Any, bytes]]


class Around(Protocol):
    """The world that a road lies in."""

    site: Site
    is_calm: bool
    rate: float
    network: tuple[str, ...]

    def is_cut_off(self, who: str) -> bool: ...
    def note(self, what: str) -> None: ...
    def count(self, kind: str) -> None: ...
    def broken(self, check: str, sentence: str) -> None: ...


class Road:
    """`field.transport.Transport` of one phone. `random` is the chance of the deed that is being done."""

    def __init__(self, world: Around, who: str) -> None:
        self.nonce = ""
        self.random = Random(0)
        self._fresh = ""
        self._world = world
        self._who = who

    def push(self, body: bytes) -> bytes:
        return self._through("push", lambda gateway: gateway.push(body), body)

    def registry(self, after: int) -> bytes:
        return self._through("registry", lambda gateway: gateway.registry(after))

    def pull(self, ask: Ask) -> bytes:
        asked = pulls.Pull(ask.device, ask.nonce, ask.signature, ask.tps, ask.cursor, ask.limit)
        return self._through("pull", lambda gateway: self._pull(gateway, asked))

    async def _pull(self, gateway: Gateway, asked: pulls.Pull) -> bytes:
        try:
            return await gateway.puller.pull(asked)
        except pulls.NonceNeeded:
            raise NonceNeeded(gateway.puller.nonces.issue()) from None

    # --- what happens on the way ---------------------------------------------------------------------------------

    def _through(self, what: str, call: Call, body: bytes = b"") -> bytes:
        world, loop, chance = self._world, self._world.site.loop, self.random.random
        if not world.is_calm and world.is_cut_off(self._who):
            world.count("partition")
            raise Away("no network")
        trouble = self._trouble()
        if trouble is not None:
            world.count(trouble)
            world.note(f"{self._who} {what} {trouble}")
        loop.pass_time(0.002 + 0.03 * chance())
        if trouble == "request_lost":
            raise Away("the request was lost")
        if trouble == "portal":
            return PORTAL
        if trouble == "late":
            loop.call_later(0.1 + 2 * chance(), self._arrive, call, chance())
            raise Away("gave up waiting")
        if trouble == "duplicated":
            loop.call_later(chance() ** 2, self._arrive, call, chance())
        answer = self._answer(call, what, body)
        loop.pass_time(0.002 + 0.03 * chance() + (2 * chance() if trouble == "slow" else 0))
        if trouble == "answer_lost":
            raise Away("the answer was lost")
        if not isinstance(answer, Away):
            self.nonce = self._fresh  # every answer brings one
        if isinstance(answer, Exception):
            raise answer
        return answer[: int(len(answer) * chance())] if trouble == "cut" else answer

    def _trouble(self) -> str | None:
        hit, which = self.random.random(), self.random.random()
        network = self._world.network
        if self._world.is_calm or not network or hit >= self._world.rate:
            return None
        return network[int(which * len(network))]

    def _arrive(self, call: Call, choice: float) -> None:
        """A copy arrives that nobody waits for."""
        gateway = self._world.site.gateway(choice)
        if gateway is not None:
            gateway.serve(call(gateway)).add_done_callback(self._judge)

    def _judge(self, done: asyncio.Task[bytes]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None and not isinstance(error, EcoklitError | NonceNeeded):
            self._world.broken("service_failed", f"A request ended with {error!r}, which no client can understand.")

    def _answer(self, call: Call, what: str, body: bytes) -> bytes | Exception:
        gateway = self._world.site.gateway(self.random.random())
        if gateway is None:
            return Away("the gateway is down")
        task = gateway.serve(call(gateway))
        self._world.site.loop.run_until(asyncio.ensure_future(asyncio.wait({task})))
        if task.cancelled():
            return Away("the gateway died")
        self._fresh = gateway.puller.nonces.issue()
        error = task.exception()
        if error is None:
            answer: bytes = task.result()
            return answer
        self._judge(task)
        self._world.note(f"{self._who} {what} {getattr(error, 'code', type(error).__name__)}")
        if isinstance(error, Refused) and error.code == EQUIVOCATION:
            self._demand_proof(body)
        return _as_told(error)

    def _demand_proof(self, body: bytes) -> None:
        push = read_push(body, ELECTION)
        if push.held and is_chained(push.held) and (push.device, body) not in self._world.site.evidence.kept:
            self._world.broken(
                "refused_and_gone", f"A push of {push.device} was refused as a fork, and is kept nowhere."
            )


def _as_told(error: BaseException) -> Exception:
    """What the phone is told: as the door over HTTP names it."""
    if isinstance(error, NonceNeeded):
        return error
    assert isinstance(error, EcoklitError)
    if isinstance(error, Refused) or error.code in REFUSED:
        return Refused(error.code, error.message, getattr(error, "expected", None))
    if error.code == "not_entitled":
        return NotEntitled(error.message)
    return TryLater(error.code, error.message, 0.5)
