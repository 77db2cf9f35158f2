"""Whose word counts: a policy names logs, witnesses and the quorum of them (c2sp.org/tlog-policy)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ecoklit.tlog.checkpoint import Checkpoint, read_checkpoint
from ecoklit.tlog.fault import BAD_POLICY, NO_QUORUM, UNKNOWN_LOG, LogFault
from ecoklit.tlog.note import COSIGNS, SIGNS, Note, VerifierKey, cosigned_at, read_vkey, verified

NONE: Final = "none"
POLICY_BYTES_MAX: Final = 64 * 1024
_SPACE = re.compile(rb"[ \t]+").split
_COUNT = re.compile(r"[1-9][0-9]{0,4}").fullmatch


class Group(NamedTuple):
    """At least `least` of `members`, each a witness or another group."""

    least: int
    members: tuple[str, ...]


class Policy(NamedTuple):
    """Logs by origin; witnesses and groups by the name that the policy gives them; and where each can be reached."""

    logs: Mapping[str, VerifierKey]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str
    urls: Mapping[str, str]

    def is_met(self, cosigned: Mapping[str, int]) -> bool:
        """Whether these witnesses are a quorum."""
        return self.quorum == NONE or self._has(self.quorum, cosigned)

    def _has(self, name: str, cosigned: Mapping[str, int]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in cosigned
        return sum(self._has(member, cosigned) for member in group.members) >= group.least


class Judged(NamedTuple):
    """A checkpoint that a policy takes, and which of its witnesses saw it, and when (seconds since 1970)."""

    checkpoint: Checkpoint
    cosigned: Mapping[str, int]


def judge(policy: Policy, note: Note) -> Judged:
    """The checkpoint in `note`, if its log and enough witnesses signed it. Raises LogFault bad_checkpoint,
    unknown_log, unsigned_note, no_quorum."""
    checkpoint = read_checkpoint(note.text)
    log = policy.logs.get(checkpoint.origin)
    if log is None:
        raise LogFault(UNKNOWN_LOG, f"The policy names no log {checkpoint.origin}: add it, or take the right policy.")
    verified(note, [log])
    cosigned = cosigners(policy, note)
    if not policy.is_met(cosigned):
        seen = ", ".join(cosigned) or "nobody"
        raise LogFault(
            NO_QUORUM,
            f"Of the policy's witnesses {seen} cosigned, which is no quorum: ask the others, or wait for them.",
        )
    return Judged(checkpoint, cosigned)


def cosigners(policy: Policy, note: Note) -> dict[str, int]:
    """Which witnesses of a policy cosigned a note, and when. Raises LogFault unsigned_note for a false cosignature."""
    found: dict[str, int] = {}
    for name, key in policy.witnesses.items():
        if any(map(key.made, note.signatures)):
            found[name] = max(cosigned_at(signature) or 0 for _, signature in verified(note, [key]))
    return found


# --- reading ---------------------------------------------------------------------------------------------------------


def read_policy(data: bytes) -> Policy:
    """The policy in a file; raises LogFault bad_policy with the line."""
    if len(data) > POLICY_BYTES_MAX:
        raise LogFault(BAD_POLICY, f"The policy has {len(data)} bytes, and at most {POLICY_BYTES_MAX} are read.")
    reader = _Reader()
    for number, line in enumerate(data.split(b"\n"), 1):
        reader.line = number
        if any((octet < 0x20 and octet != 0x09) or octet == 0x7F for octet in line):
            raise reader.bad("it has control characters")
        # Names are bytes to the policy; so what is not UTF-8 must survive.
        words = [word.decode("utf-8", "surrogateescape") for word in _SPACE(line) if word]
        if words and not words[0].startswith("#"):
            reader.take(words)
    return reader.policy()


class _Reader:
    def __init__(self) -> None:
        self.line = 0
        self._logs: dict[str, VerifierKey] = {}
        self._witnesses: dict[str, VerifierKey] = {}
        self._groups: dict[str, Group] = {}
        self._urls: dict[str, str] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None

    def take(self, words: Sequence[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(self._key(vkey, SIGNS, self._logs), url)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._witness(self._fresh(name), self._key(vkey, COSIGNS, self._witnesses), url)
            case ["group", name, least, first, *members]:
                self._groups[self._fresh(name)] = self._group(least, [first, *members])
            case ["quorum", name]:
                self._set_quorum(name)
            case _:
                raise self.bad("it is no log, witness, group or quorum")

    def policy(self) -> Policy:
        if self._quorum is None:
            raise LogFault(BAD_POLICY, "The policy has no quorum line: add one ('quorum none' asks for no witness).")
        return Policy(self._logs, self._witnesses, self._groups, self._quorum, self._urls)

    def bad(self, why: str) -> LogFault:
        return LogFault(BAD_POLICY, f"Line {self.line} of the policy cannot be taken, for {why}: mend that line.")

    def _log(self, key: VerifierKey, url: Sequence[str]) -> None:
        if key.name in self._logs:
            raise self.bad("that log is there already")
        self._logs[key.name] = key
        self._urls.update((key.name, one) for one in url)

    def _witness(self, name: str, key: VerifierKey, url: Sequence[str]) -> None:
        self._witnesses[name] = key
        self._urls.update((name, one) for one in url)

    def _key(self, vkey: str, kind: int, known: Mapping[str, VerifierKey]) -> VerifierKey:
        try:
            key = read_vkey(vkey)
        except LogFault as fault:
            raise self.bad(fault.message.rstrip(".")) from None
        if key.kind != kind:
            raise self.bad("its key is of the other kind, of a log or of a witness")
        if any(key.public_key == other.public_key for other in known.values()):
            raise self.bad("that key is there already, and would count twice")
        return key

    def _fresh(self, name: str) -> str:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise self.bad("that name is taken")
        return name

    def _known(self, name: str) -> str:
        if name not in self._witnesses and name not in self._groups:
            raise self.bad("it names what no line before it defines")
        return name

    def _group(self, least: str, members: Sequence[str]) -> Group:
        for member in members:
            if self._known(member) in self._members:
                raise self.bad("a member is in a group already, and would count twice")
            self._members.add(member)
        count = {"all": len(members), "any": 1}.get(least) or (int(least) if _COUNT(least) else 0)
        if not 1 <= count <= len(members):
            raise self.bad("it asks for none of its members, or for more than there are")
        return Group(count, tuple(members))

    def _set_quorum(self, name: str) -> None:
        if self._quorum is not None:
            raise self.bad("there is a quorum already")
        self._quorum = name if name == NONE else self._known(name)
