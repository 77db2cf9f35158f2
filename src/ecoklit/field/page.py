"""The answer to a pull, line by line: events, standings, and the page's own line, which ends it (SPEC §7.11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core import ids, wire
from ecoklit.core.event import Malformed
from ecoklit.core.merkle import tree_head
from ecoklit.core.policy import Policy, PolicyFault, parse_policy
from ecoklit.core.push_file import kind_of, lines_of
from ecoklit.core.wire import Held
from ecoklit.field.outbox import Page, Told
from ecoklit.field.trouble import Away, WrongService


class _Standing(msgspec.Struct):
    device: str
    name: str
    seq: int
    why: str = ""


class _Lost(msgspec.Struct):
    after: int
    device: str


class _Page(msgspec.Struct):
    cursor: str
    more: bool
    digest: str | UnsetType | None = UNSET
    lost: list[_Lost] = msgspec.field(default_factory=list)
    position: int | dict[str, int] = 0
    registry: int = 0
    policies: list[msgspec.Raw] = msgspec.field(default_factory=list)


class _Line(msgspec.Struct):
    page: _Page | UnsetType = UNSET
    standing: _Standing | UnsetType = UNSET


_DECODER: Final = msgspec.json.Decoder(_Line)
_UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeError)


_NOBODY: Final = ids.to_base64url(tree_head([]))
"""The tree of no voters, which stands for no digest at all (SPEC §6.6)."""


def read_page(body: bytes, election: str, stream: str) -> Page:
    """The page in `body`; its position is that of the events' `stream`.

    Raises Away when it was cut off, WrongService when it is none. Unknown lines are passed over (SPEC §10.2).
    """
    held: list[Held] = []
    standings: list[Told] = []
    lines = lines_of(body)
    end = _end(lines)
    for line in lines[:-1]:
        if kind_of(line) == "event":
            held.append(_event(line, election))
            continue
        standing = _read(line).standing
        if standing is not UNSET:
            standings.append(Told(standing.device, standing.seq, standing.name, standing.why))
    digest = end.digest if isinstance(end.digest, str) else ""
    if digest == _NOBODY:
        digest = ""
    if digest and not ids.is_hash(digest):
        raise WrongService("The digest in the answer is none: mend the service's address.")
    lost = [(one.device, one.after) for one in end.lost]
    at = _events_position(end.position, stream)
    return Page(held, standings, lost, end.cursor, digest, at, end.more, end.registry, _policies(end.policies))


def _policies(bodies: Sequence[msgspec.Raw]) -> list[Policy]:
    try:
        return [parse_policy(bytes(body)) for body in bodies]
    except PolicyFault as error:
        raise WrongService("The answer holds something that is no policy: mend the service's address.") from error


def _end(lines: list[bytes]) -> _Page:
    """The line that ends a page."""
    if lines and not lines[0].startswith(b"{"):
        raise _not_ours()
    try:
        end = _DECODER.decode(lines[-1]).page if lines else UNSET
    except _UNREADABLE:
        end = UNSET  # it broke off in the middle of a line
    if end is UNSET:
        raise Away("The answer was cut off: everything is kept here; sync again.")
    return end


def _read(line: bytes) -> _Line:
    try:
        return _DECODER.decode(line)
    except _UNREADABLE as error:
        raise _not_ours() from error


def _not_ours() -> WrongService:
    return WrongService("The answer is not one of this election's service: mend its address.")


def _event(line: bytes, election: str) -> Held:
    try:
        held = wire.read(line)
    except Malformed as error:
        raise WrongService("The answer holds something that is no event: mend the service's address.") from error
    if held.event is not None and held.event.election != election:
        raise WrongService(f"The service is of {held.event.election}, this phone of {election}: mend its address.")
    return held


def _events_position(position: int | dict[str, int], stream: str) -> int:
    return position if isinstance(position, int) else position.get(stream, 0)
