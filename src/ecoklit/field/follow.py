"""A sync that goes on by itself: when there is something new, once in a while, and when the network returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from ecoklit.core.admission import UNKNOWN_DEVICE
from ecoklit.errors import EcoklitError
from ecoklit.field.client import Synced
from ecoklit.field.trouble import Away, PhoneFault, Stuck, TryLater, WrongService
from ecoklit.field.waiting import Waiting

IDLE_SECONDS: Final = 60.0
"""How long others' entries may wait for a phone whose officer enters nothing."""

LOOK_SECONDS: Final = 1.0


def follow(
    sync: Callable[[], Synced],
    *,
    has_news: Callable[[], bool],
    tell: Callable[[Synced | EcoklitError], None],
    waiting: Waiting,
    sleep: Callable[[float], object],
    idle_seconds: float = IDLE_SECONDS,
) -> NoReturn:
    """Sync for ever. `has_news` says that something is unsent; `tell` hears of each sync and of each failure.

    Raises Stuck when no waiting can help, and whatever is no trouble of the network's.
    """
    while True:
        try:
            tell(sync())
        except EcoklitError as error:
            if not passes(error):
                raise
            tell(error)
            sleep(waiting.seconds(error.seconds if isinstance(error, TryLater) else 0.0))
            continue
        waiting.succeeded()
        rested = 0.0
        while rested < idle_seconds and not has_news():
            sleep(LOOK_SECONDS)
            rested += LOOK_SECONDS


def passes(error: EcoklitError) -> bool:
    """Whether a trouble may go by itself: no network, a sign-in page, a busy service, an enrolment under way."""
    if isinstance(error, Stuck):
        return error.code == UNKNOWN_DEVICE
    if isinstance(error, PhoneFault):
        return error.code == "phone_in_use"
    return isinstance(error, Away | TryLater | WrongService)
