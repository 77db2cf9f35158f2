"""Proof files of made-up voters: from a random history under a random registry, and a log of its events in memory."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from ecoklit.contract import policies
from ecoklit.core import ids
from ecoklit.core.entitlement import Admitted
from ecoklit.core.merkle import leaf_hash
from ecoklit.core.registry import Registry, fold_registry
from ecoklit.core.registry_event import RegistryLog
from ecoklit.core.signing import ED25519, Key, PublicKey, key_from_seed
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.services import voter_proof
from ecoklit.services.case import Case, Law
from ecoklit.services.voter_proof import VoterProof
from ecoklit.services.why import Why, explained, lines_for
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import OPENED_AT
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory
from ecoklit.testing.random_registry import RandomRegistry
from ecoklit.tlog.checkpoint import Checkpoint
from ecoklit.tlog.note import VerifierKey, cosign, log_key, witness_key
from ecoklit.tlog.policy import Policy as LogPolicy
from ecoklit.tlog.proof import inclusion
from ecoklit.tlog.proof_file import LogProof
from ecoklit.tlog.tile import Tile
from ecoklit.tlog.tree import Edge

LOG_KEY: Final = key_from_seed("ed25519", ids.sha256(b"made-up log"))
WITNESS_KEY: Final = key_from_seed("ed25519", ids.sha256(b"made-up witness"))
ORIGIN: Final = "ecoklit.example/pilkada-2024/9404"
WITNESS: Final = "bawaslu.example/w1"
REGISTRY_LINES: Final = 30


def trusted() -> LogPolicy:
    """A policy that asks for the made-up log and its witness."""
    witness = witness_key(WITNESS, WITNESS_KEY)
    return LogPolicy({ORIGIN: log_key(ORIGIN, LOG_KEY)}, {"w1": witness}, {}, "w1", {})


def log_keys() -> list[VerifierKey]:
    return [log_key(ORIGIN, LOG_KEY), witness_key(WITNESS, WITNESS_KEY)]


class MadeUpLog:
    """A log of these entries, cosigned once."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        grown = Edge().grown([leaf_hash(entry) for entry in entries])
        self._tiles = dict(grown.tiles)
        self._numbers = {entry: number for number, entry in enumerate(entries)}
        self._size = len(entries)
        note = Checkpoint(ORIGIN, self._size, grown.edge.head).signed(LOG_KEY)
        self.note = note.with_signatures([cosign(note.text, WITNESS, WITNESS_KEY, 1_719_300_000)])

    def proof(self, entry: bytes) -> LogProof:
        number = self._numbers[entry]
        return LogProof(number, tuple(inclusion(number, self._size, self._read)), self.note)

    def _read(self, tile: Tile) -> bytes:
        return self._tiles[tile]


class World(NamedTuple):
    """A registry with all its lines, and the cases of everybody."""

    registry: Registry
    lines: list[tuple[int, bytes]]
    cases: list[Case]
    log: MadeUpLog

    @property
    def law(self) -> Law:
        return Law(self.registry, policies())


def made_up_world(seed: int, *, events: int = 60, lies: float = 0.05, lawful: bool = False) -> World:
    """A random history under a random registry, or under one that gives everybody their right; all from the seed."""
    chance = random.Random(seed)
    history = RandomHistory(chance, events=events, lies=lies)
    if lawful:
        lines = list(enumerate(_lawful(seed, history), 1))
    else:
        said = RandomRegistry(chance, history)
        lines = [(position, said.next_line().line) for position in range(1, REGISTRY_LINES + 1)]
    registry = fold_registry(ELECTION, REGENCY, lines)
    held = [one for one in history.held if one.regency == REGENCY]
    stamps = sorted(chance.randint(len(lines) if lawful else 1, len(lines)) for _ in held)
    about: dict[str, list[tuple[int, Held]]] = {}
    for stamp, one in zip(stamps, held, strict=True):
        about.setdefault(one.voter, []).append((stamp, one))
    dots = {one.dot for one in held}
    cases = [
        Case(voter, tuple(Admitted(held, stamp) for stamp, held in known), {}, dots - {held.dot for _, held in known})
        for voter, known in sorted(about.items())
    ]
    return World(registry, lines, cases, MadeUpLog([one.event_bytes for one in held]))


def _lawful(seed: int, history: RandomHistory) -> list[bytes]:
    """Everybody's device is enrolled with their right: by the root key, by an office, or by an office's code."""
    lines: list[bytes] = []
    logs: dict[str, RegistryLog] = {}

    def say(key: Key, officer: str, type: str, /, **own: Any) -> None:
        log = RegistryLog(key, election=ELECTION, regency=REGENCY, officer=officer, role="kpu")
        lines.append(logs.setdefault(key.device, log).append(type, at=OPENED_AT, **own).line)

    root, office = made_up_key(seed, "root"), made_up_key(seed, "office")
    say(root, "root", "election_opened", root=root.public, services=[made_up_key(seed, "service").public])
    say(root, "root", "device_enrolled", enrolled=office.device, holder="office", key=office.public)
    say(root, "root", "assigned", officer_assigned="office", role_assigned="kpu", area=REGENCY)
    say(root, "root", "policy_set", area=REGENCY, policy="2024-1")
    authors = {one.device: one.event for one in history.held if one.event is not None and one.regency == REGENCY}
    for nth, (device, event) in enumerate(sorted(authors.items())):
        area = event.tps[: {"kpu": 4, "ppk": 6, "pps": 10}.get(event.role, 13)]
        right = {"officer_assigned": event.officer, "role_assigned": event.role, "area": area}
        author, name = ((root, "root"), (office, "office"))[nth % 2]
        if nth % 3 == 0:
            code = made_up_key(seed, f"code {nth}")
            say(author, name, "vouched", voucher=code.device, key=code.public, until=OPENED_AT, **right)
            author, right = code, {**right, "to_device": device}
        public = PublicKey(ED25519, ids.to_base64url(history.keys[device]))
        say(author, name, "device_enrolled", enrolled=device, holder=event.officer, key=public)
        say(author, name, "assigned", **right)
    return lines


def proved(world: World, why: Why) -> VoterProof:
    """The proof of a status in this world. Raises EcoklitError not_provable."""
    lines = lines_for(why, world.registry, world.lines)
    logged = {held.hash: world.log.proof(held.event_bytes) for held in why.case.held}
    return voter_proof.make(why, world.registry, lines, logged, {})


def proofs(seeds: Iterable[int], *, lawful: bool = False) -> Iterator[tuple[World, Why, VoterProof]]:
    """Every proof that can be made in the worlds of these seeds."""
    for seed in seeds:
        world = made_up_world(seed, lawful=lawful)
        for case in world.cases:
            try:
                why = explained(case, world.law)
                yield world, why, proved(world, why)
            except EcoklitError as error:
                if error.code not in ("unknown_voter", "not_provable"):
                    raise


def root_key(world: World) -> str:
    return world.registry.root_device or ""
