"""What voters ask for by right (UU 27/2022), noted with the day when the answer is due, and answered.

Access to one's data and their correction are due within 3 × 24 hours by that law (Art. 30 to 32); the house gives
itself no longer for the other kinds. An answer changes no list by itself: a correction is an entry or a ruling like any
other, and the answer names it.
"""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from ecoklit.core import ids
from ecoklit.errors import EcoklitError
from ecoklit.ports import RollReader, VoterRequest, VoterRequests

KINDS: Final = ("correction", "access", "objection", "erasure")
DUE_HOURS: Final = 72
WORDS_MAX: Final = 2_000  # characters of a request or an answer


class _Decision(msgspec.Struct):
    tps: str


class _State(msgspec.Struct):
    decision: _Decision


async def note(requests: VoterRequests, reader: RollReader, voter: str, kind: str, says: str, by: str) -> VoterRequest:
    """Note what a voter asks for, in its own words, at the TPS where it stands now.

    Raises EcoklitError bad_argument, unknown_voter.
    """
    if kind not in KINDS:
        raise EcoklitError("bad_argument", f"'{kind}' is no request: give one of {', '.join(KINDS)}.")
    words = _words(says)
    states = await reader.state(voter)
    if not states:
        raise EcoklitError("unknown_voter", "No entry about this voter counts here: check the id.")
    tps = msgspec.json.decode(states[0], type=_State).decision.tps
    return await requests.note(voter, tps, kind, words, by, DUE_HOURS)


async def answer(requests: VoterRequests, request: str, says: str, by: str) -> VoterRequest:
    """Answer a request, once. Raises EcoklitError bad_argument, unknown_request, request_answered."""
    words = _words(says)
    if not _is_uuid(request) or await requests.get(request) is None:
        raise EcoklitError("unknown_request", "There is no such request: 'ecoklit correct list AREA' has their ids.")
    answered = await requests.answer(request, words, by)
    if answered is None:
        raise EcoklitError("request_answered", "This request has its answer already: note a new one if there is more.")
    return answered


async def listed(requests: VoterRequests, area: str, *, answered: bool) -> list[VoterRequest]:
    """The requests of an area, the first due first. Raises EcoklitError unknown_area."""
    if not (ids.is_area(area) or ids.is_tps(area)) or len(area) < 4:
        raise EcoklitError("unknown_area", "Requests are listed by regency, district, village or TPS: give its code.")
    return await requests.within(area, answered=answered)


def _words(says: str) -> str:
    words = says.strip()
    if not 0 < len(words) <= WORDS_MAX or "\0" in words:
        raise EcoklitError("bad_argument", f"Say it in 1 to {WORDS_MAX} characters.")
    return words


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
