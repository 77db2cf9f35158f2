"""Faults of pulls, each as it was found."""

from __future__ import annotations

import json

from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.signing import pull_message
from ecoklit.ports import PullCursor, PulledPage
from ecoklit.services.nonce import Nonces
from ecoklit.services.pull import Pull, Puller
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import MadeUpElection

ELECTION, REGENCY, TPS = "test-2024", "9404", "9404012001001"


async def test_lost_dots_are_told_as_of_the_page() -> None:
    """A page named the lost dots of this very moment beside a digest of before: the phone folded otherwise than it."""
    made_up = MadeUpElection(ELECTION, REGENCY)
    phone = made_up.device("phone")
    for name in ("one", "other"):
        made_up.say(made_up.root, "dots_lost", lost=made_up_device(1, name), after=0)
    last = len(made_up.lines)
    asked: list[int] = []

    class Projection:
        """It has not judged by the last line yet, or is ahead of what this process has read."""

        async def page(self, regency: str, tps: str, cursor: PullCursor | None, voters_max: int) -> PulledPage:
            return PulledPage([], PullCursor("a", 1), 1, judged_by, bytes(32))

    async def registry(reaching: int) -> Registry:
        asked.append(reaching)
        known = max(reaching, last - 1)
        return fold_registry(ELECTION, REGENCY, list(enumerate(made_up.registry[:known], start=1)))

    nonces = Nonces(bytes(32), lambda: 0.0)
    puller = Puller(election=ELECTION, regency=REGENCY, reader=Projection(), registry=registry, nonces=nonces)
    for judged_by, names in ((last - 2, []), (last - 1, ["one"]), (last, ["one", "other"])):
        nonce = nonces.issue()
        signature = phone.signature(pull_message(ELECTION, phone.device, nonce, TPS, ""))
        page = json.loads((await puller.pull(Pull(phone.device, nonce, signature, TPS, ""))).splitlines()[-1])["page"]
        assert page["registry"] == judged_by
        assert {one["device"] for one in page["lost"]} == {made_up_device(1, name) for name in names}
    assert asked == [0, last - 2, 0, last - 1, 0, last]
