"""Asking witnesses: what comes is checked, who does not answer keeps nobody, and one who knows more stops the log."""

from __future__ import annotations

import pytest

from ecoklit.core.merkle import leaf_hash
from ecoklit.core.signing import key_from_seed
from ecoklit.errors import EcoklitError
from ecoklit.services.log_cosign import Collected, collect
from ecoklit.services.witness import Witness
from ecoklit.tlog.checkpoint import Checkpoint
from ecoklit.tlog.note import Note, cosign, log_key, witness_key
from ecoklit.tlog.policy import cosigners, read_policy
from ecoklit.tlog.tile import Tile
from ecoklit.tlog.tree import Edge
from ecoklit.tlog.witness import STATUS, Request

LOG = key_from_seed("ed25519", bytes(31) + b"\1")
KEYS = {name: key_from_seed("ed25519", bytes(31) + bytes([nth])) for nth, name in enumerate(("a", "b", "c"), 2)}
ORIGIN = "log.example/9404"
LOG_KEY = log_key(ORIGIN, LOG)
POLICY = read_policy(
    "\n".join(
        [
            f"log {LOG_KEY.vkey}",
            *(f"witness {name} {witness_key(name, key).vkey} https://{name}" for name, key in KEYS.items()),
            "quorum a\n",
        ]
    ).encode()
)


class Memory:
    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def records(self) -> list[bytes]:
        return []

    def append(self, record: bytes) -> None:
        self.kept.append(record)

    keep_fork = append


class Made:
    """A log of up to a hundred leaves, and three witnesses over it."""

    def __init__(self) -> None:
        self.tiles: dict[Tile, bytes] = {}
        self.roots = {0: Edge().head}
        edge = Edge()
        for leaf in range(100):
            edge, new = edge.grown([leaf_hash(b"%d" % leaf)])
            self.tiles.update(new)
            self.roots[edge.size] = edge.head
        self.witnesses = {
            f"https://{name}": Witness(name, key, {ORIGIN: LOG_KEY}, Memory(), lambda: 1_732_000_000)
            for name, key in KEYS.items()
        }
        self.sizes: dict[str, int] = {}

    def note(self, size: int) -> Note:
        return Checkpoint(ORIGIN, size, self.roots[size]).signed(LOG)

    def ask(self, url: str, request: Request) -> tuple[int, bytes]:
        witness = self.witnesses[url]
        try:
            return 200, witness.add(request.written).line.encode()
        except EcoklitError as error:
            return STATUS[error.code], b"%d\n" % witness.size_of(request.written)

    def collected(self, size: int) -> Collected:
        return collect(POLICY, self.note(size), self.tiles.__getitem__, self.ask, self.sizes)


@pytest.fixture
def made() -> Made:
    return Made()


def test_every_witness_cosigns_each_step(made: Made) -> None:
    """From the first on, and again after the log forgot what each had: they say from which size to prove."""
    for size in (3, 40, 41, 100):
        note, troubles = made.collected(size)
        assert list(cosigners(POLICY, note)) == ["a", "b", "c"] and not troubles
        if size == 40:
            made.sizes.clear()


def test_who_does_not_answer_keeps_nobody(made: Made) -> None:
    """One is away, one answers nonsense, one lies: each is named, and the others' cosignatures are there."""
    answers = {
        "https://a": lambda request: (200, cosign("another text\n", "a", KEYS["a"], 5).line.encode()),
        "https://b": lambda request: (503, b"later\x00, please"),
    }

    def ask(url: str, request: Request) -> tuple[int, bytes]:
        return answers[url](request) if url in answers else made.ask(url, request)

    note, troubles = collect(POLICY, made.note(7), made.tiles.__getitem__, ask, made.sizes)
    assert list(cosigners(POLICY, note)) == ["c"]
    assert sorted(troubles) == ["a", "b"] and "answered 503: later, please" in troubles["b"]

    def away(url: str, request: Request) -> tuple[int, bytes]:
        raise EcoklitError("log_unavailable", "Nobody answers.")

    assert collect(POLICY, made.note(7), made.tiles.__getitem__, away, {}).troubles == dict.fromkeys(
        "abc", "Nobody answers."
    )


def test_a_log_that_is_an_older_copy_of_itself_stops(made: Made) -> None:
    """A witness that cosigned more than there is: whatever is signed next would be a fork, so nothing is."""
    made.collected(40)
    with pytest.raises(EcoklitError, match="older copy of the log") as stopped:
        collect(POLICY, made.note(30), made.tiles.__getitem__, made.ask, {})
    assert stopped.value.code == "log_turned_back"


def test_strangers_lines_are_not_taken(made: Made) -> None:
    """Only what the asked witness itself signed goes under the checkpoint."""

    def ask(url: str, request: Request) -> tuple[int, bytes]:
        status, body = made.ask(url, request)
        return status, body + cosign(request.note.text, "x", KEYS["a"], 5).line.encode()

    note = collect(POLICY, made.note(9), made.tiles.__getitem__, ask, {}).note
    assert {signature.name for signature in note.signatures} == {ORIGIN, "a", "b", "c"}
