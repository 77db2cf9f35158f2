"""What a witness may cosign, proofs as files, and the proof of a fork."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core.merkle import EMPTY_HEAD, leaf_hash
from ecoklit.core.signing import key_from_seed
from ecoklit.tlog.checkpoint import Checkpoint
from ecoklit.tlog.entry import Kind, digests_entry, kind_of, read_digests
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.note import log_key
from ecoklit.tlog.policy import read_policy
from ecoklit.tlog.proof import consistency, inclusion
from ecoklit.tlog.proof_file import LogProof, prove, read_proof
from ecoklit.tlog.tile import Tile
from ecoklit.tlog.tree import Edge
from ecoklit.tlog.witness import (
    STATUS,
    Fork,
    Request,
    continued,
    demand_fork,
    judge_request,
    read_fork,
    read_request,
    same_size_fork,
)

LOG = key_from_seed("ed25519", bytes(31) + b"\1")
ORIGIN = "log.example/9404"
KEY = log_key(ORIGIN, LOG)


class Made:
    """A made-up log of `size` entries; `lie` makes another of it from there on."""

    def __init__(self, size: int, lie: int | None = None) -> None:
        self.entries = [b"%d" % at if lie is None or at < lie else b"lie %d" % at for at in range(size)]
        self.tiles: dict[Tile, bytes] = {}
        edge = Edge()
        self.checkpoints = [Checkpoint(ORIGIN, 0, edge.head)]
        for entry in self.entries:
            edge, new = edge.grown([leaf_hash(entry)])
            self.tiles.update(new)
            self.checkpoints.append(Checkpoint(ORIGIN, edge.size, edge.head))

    def request(self, old: int, size: int) -> Request:
        path = consistency(old, size, self.tiles.__getitem__) if old <= size else []
        return Request(old, tuple(path), self.checkpoints[size].signed(LOG))


HONEST, FORKED = Made(40), Made(40, lie=11)


# --- add-checkpoint --------------------------------------------------------------------------------------------------


def test_the_request_of_the_specification_is_read_to_the_same_bytes() -> None:
    written = (
        "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\njrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
        "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n"
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zy"
        "WE+xeMcTOAYQ8=\n"
    ).encode()
    request = read_request(written)
    assert (request.old, len(request.path), request.written) == (20852014, 4, written)


@given(st.data())
def test_what_continues_is_taken(data: st.DataObject) -> None:
    """From whatever it saw last, nothing included, a witness takes every later tree of the same log."""
    old = data.draw(st.integers(0, 40))
    size = data.draw(st.integers(old, 40))
    latest = HONEST.checkpoints[old] if old or data.draw(st.booleans()) else None
    taken = judge_request(KEY, latest, read_request(HONEST.request(old, size).written))
    assert taken == HONEST.checkpoints[size]


@given(st.data())
def test_a_fork_is_taken_by_nobody_who_saw_the_other_side(data: st.DataObject) -> None:
    """A tree, signed and proved within itself, that leaves out what was cosigned, is refused; its proof holds."""
    old = data.draw(st.integers(12, 40))
    size = data.draw(st.integers(old, 40))
    latest = HONEST.checkpoints[old]
    with pytest.raises(LogFault) as refused:
        judge_request(KEY, latest, FORKED.request(old, size))
    assert STATUS[refused.value.code] == (409 if old == size else 422)
    root, path = continued(old, size, FORKED.tiles.__getitem__)
    fork = Fork(root, tuple(path), latest.signed(LOG), FORKED.checkpoints[size].signed(LOG))
    earlier, later = demand_fork(read_fork(fork.written), KEY)
    assert (earlier, later) == (latest, FORKED.checkpoints[size])


def test_two_trees_of_one_size_are_a_fork_by_themselves() -> None:
    fork = same_size_fork(HONEST.checkpoints[30].signed(LOG), FORKED.checkpoints[30].signed(LOG))
    assert demand_fork(read_fork(fork.written), KEY)


@given(st.integers(1, 40), st.integers(1, 40))
def test_nobody_can_prove_a_fork_of_an_honest_log(first: int, second: int) -> None:
    old, size = sorted((first, second))
    root, path = continued(old, size, HONEST.tiles.__getitem__)
    for shown in (root, bytes(32)):
        fork = Fork(shown, tuple(path), HONEST.checkpoints[old].signed(LOG), HONEST.checkpoints[size].signed(LOG))
        with pytest.raises(LogFault, match="proves no fork"):
            demand_fork(read_fork(fork.written), KEY)


def refusals() -> dict[str, tuple[int, Request, Checkpoint | None]]:
    other = key_from_seed("ed25519", bytes([7]) * 32)
    unsigned = HONEST.request(10, 20)._replace(note=HONEST.checkpoints[20].signed(other))
    return {
        "other origin": (404, HONEST.request(0, 5)._replace(note=Checkpoint("x", 5, bytes(32)).signed(LOG)), None),
        "other key": (403, unsigned, HONEST.checkpoints[10]),
        "smaller": (400, Request(10, (), HONEST.checkpoints[5].signed(LOG)), HONEST.checkpoints[10]),
        "old too small": (409, HONEST.request(8, 20), HONEST.checkpoints[10]),
        "old too great": (409, HONEST.request(12, 20), HONEST.checkpoints[10]),
        "first, not from nothing": (409, HONEST.request(8, 20), None),
        "no proof": (422, HONEST.request(10, 20)._replace(path=()), HONEST.checkpoints[10]),
        "proof of nothing": (422, HONEST.request(0, 20)._replace(path=(bytes(32),)), None),
        "proof of the same": (422, HONEST.request(10, 10)._replace(path=(bytes(32),)), HONEST.checkpoints[10]),
        "other empty tree": (422, Request(0, (), Checkpoint(ORIGIN, 0, bytes(32)).signed(LOG)), None),
        "forked": (409, FORKED.request(20, 20), HONEST.checkpoints[20]),
    }


@pytest.mark.parametrize("case", sorted(refusals()))
def test_each_refusal_has_its_status(case: str) -> None:
    """The statuses of tlog-witness, in its order."""
    status, request, latest = refusals()[case]
    with pytest.raises(LogFault) as refused:
        judge_request(KEY, latest, request)
    assert STATUS[refused.value.code] == status


@pytest.mark.parametrize(
    "body", [b"", b"old 1\n", b"old 01\n\n", b"old -1\n\n", b"old 1\nAAAA\n\n", b"new 1\n\n", b"\xff\n\n"]
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    for data in (body, body + HONEST.checkpoints[3].signed(LOG).written):
        with pytest.raises(LogFault) as refused:
            read_request(data)
        assert STATUS[refused.value.code] == 400


# --- proofs as files -------------------------------------------------------------------------------------------------

POLICY = read_policy(f"log {KEY.vkey}\nquorum none\n".encode())


def proof_of(leaf: int, size: int, extra: bytes | None = None) -> LogProof:
    path = inclusion(leaf, size, HONEST.tiles.__getitem__)
    return LogProof(leaf, tuple(path), HONEST.checkpoints[size].signed(LOG), extra)


@given(st.data())
def test_a_proof_stands_alone(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    leaf = data.draw(st.integers(0, size - 1))
    proof = read_proof(proof_of(leaf, size, data.draw(st.none() | st.binary())).written)
    assert prove(POLICY, proof, HONEST.entries[leaf]).checkpoint.size == size
    with pytest.raises(LogFault, match="does not lead from this entry"):
        prove(POLICY, proof, b"another")


@given(st.data())
def test_no_bit_of_a_proof_can_be_changed(data: st.DataObject) -> None:
    """A flipped bit is refused, unless it is in what comes along, which is worth nothing by itself."""
    raw = bytearray(proof_of(17, 40).written)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LogFault):
        prove(POLICY, read_proof(bytes(raw)), HONEST.entries[17])


@pytest.mark.parametrize(
    "head",
    ["", "c2sp.org/tlog-proof@v2\nindex 1\n", "c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\nindex 01\n",
     "c2sp.org/tlog-proof@v1\nextra A\nindex 1\n", "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n",
     "c2sp.org/tlog-proof@v1\nindex 1\nextra AAAA\n", "c2sp.org/tlog-proof@v1\nindex 1\n" + ("A" * 43 + "=\n") * 64],
)  # fmt: skip
def test_what_is_no_proof_is_refused(head: str) -> None:
    with pytest.raises(LogFault, match="no proof of a log"):
        read_proof(f"{head}\n".encode() + HONEST.checkpoints[3].signed(LOG).written)


# --- entries ---------------------------------------------------------------------------------------------------------


def test_entries_are_told_apart_by_their_first_key() -> None:
    """An event has `clock`, so its first key is at most that; the others begin with a greater one."""
    stated = digests_entry("pilkada-2024", "9404", {"ECOKLIT-pilkada-2024-9404": 3}, {"9404": EMPTY_HEAD})
    assert kind_of(stated) is Kind.DIGESTS
    assert kind_of(b'{"at":"2024-06-24T08:00:00Z","clock":{}}') is kind_of(b'{"clock":{},"digests":1}') is Kind.EVENT
    assert kind_of(b'{"registry":{},"signature":""}') is Kind.REGISTRY
    assert read_digests(stated).position == {"ECOKLIT-pilkada-2024-9404": 3}
    for other in (b"", b"PK"):
        with pytest.raises(LogFault, match="another log"):
            kind_of(other)
    for false in (b'{"digests":{}}', stated.replace(b'"v":1', b'"v":2'), stated + b" "):
        with pytest.raises(LogFault, match="begins as digests"):
            read_digests(false)
