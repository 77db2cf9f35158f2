"""What the entries of ecoklit's logs are, and how they are told apart.

The log of a regency has two kinds: the `event` bytes of each event, in the journal's order, and statements of digests.
The log of a registry has whole registry lines (SPEC §9.1). Each is one RFC 8785 object, and its first key tells: an
event has `clock`, so none begins with a greater key; a statement begins with `digests`, a line with `registry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec

from ecoklit.core import canonical, ids
from ecoklit.tlog.fault import BAD_ENTRY, LogFault

VERSION: Final = 1


class Kind(Enum):
    """What an entry is, by its first bytes."""

    EVENT = b"{"
    DIGESTS = b'{"digests":'
    REGISTRY = b'{"registry":'


class Digests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the service's roll came to: digests (SPEC §6.5) of the regency and its districts, as on the wire, by code,
    and of which position: stream → sequence."""

    v: int
    election: str
    regency: str
    position: dict[str, int]
    digests: dict[str, str]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    digests: Digests


def kind_of(entry: bytes) -> Kind:
    """What `entry` is; raises LogFault bad_entry for what no log of ecoklit holds."""
    for kind in (Kind.DIGESTS, Kind.REGISTRY, Kind.EVENT):
        if entry.startswith(kind.value):
            return kind
    raise LogFault(BAD_ENTRY, "An entry is neither an event nor a registry line nor digests: this is another log.")


def digests_entry(election: str, regency: str, position: Mapping[str, int], digests: Mapping[str, bytes]) -> bytes:
    """The statement that the roll at `position` has these digests."""
    stated = {
        "v": VERSION,
        "election": election,
        "regency": regency,
        "position": dict(position),
        "digests": {code: ids.to_base64url(digest) for code, digest in digests.items()},
    }
    return canonical.encode({"digests": stated})


def read_digests(entry: bytes) -> Digests:
    """The statement in an entry; raises LogFault bad_entry."""
    try:
        found = msgspec.json.decode(entry, type=_Entry).digests
    except msgspec.DecodeError:
        found = None
    if found is None or found.v != VERSION or canonical.encode(msgspec.to_builtins(_Entry(found))) != entry:
        raise LogFault(
            BAD_ENTRY, "An entry that begins as digests is none: whoever built this log must say what it is."
        )
    return found
