"""What proves a removal: policies are data with a name, and an event is judged under its author's (SPEC §2)."""

from typing import Final

import msgspec

from ecoklit.core import canonical, ids
from ecoklit.errors import EcoklitError

NO_STRENGTH: Final = -1
"""The strength of evidence of every write that is no removal, and of a ruling."""


class PolicyFault(EcoklitError):
    """Data that is no policy."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_policy", message)


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of one removal: those accepted, weakest first, and those known but never enough alone."""

    accepted: tuple[str, ...]
    never_enough: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"name": "policy"}):
    """A named table of evidence; `removals` maps deceased, moved_away and disqualified/<reason> to their words."""

    name: str
    removals: dict[str, Evidence]
    title: str = ""
    note: str = ""
    words: frozenset[str] = frozenset()

    def strength(self, removal: str, evidence: str) -> int:
        """The place of `evidence` among the accepted words of `removal`, weakest 0; −1 where it is not accepted."""
        row = self.removals.get(removal)
        if row is None or evidence not in row.accepted:
            return NO_STRENGTH
        return row.accepted.index(evidence)


def write_policy(policy: Policy) -> bytes:
    """The policy as `parse_policy` reads it, in canonical form."""
    said = {name: value for name, value in msgspec.to_builtins(policy).items() if name != "words" and value != ""}
    return canonical.encode(said)


def parse_policy(data: bytes) -> Policy:
    """The policy in JSON `data`; PolicyFault when it is none."""
    try:
        policy = msgspec.json.decode(data, type=Policy)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise PolicyFault(f"the policy cannot be read: {error}") from error
    words = [word for row in policy.removals.values() for word in (*row.accepted, *row.never_enough)]
    if not (ids.is_word(policy.name) and all(map(ids.is_word, words))):
        raise PolicyFault("a policy's name and words have 1 to 32 characters a-z, 0-9, _ and -")
    if any(len(set(row.accepted)) < len(row.accepted) for row in policy.removals.values()):
        raise PolicyFault("a word stands twice in one row of the policy")
    return msgspec.structs.replace(policy, words=frozenset(words))
