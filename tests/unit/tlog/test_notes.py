"""Signed notes, checkpoints, cosignatures and policies, by published examples and by what must be refused."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core.signing import Key, key_from_seed
from ecoklit.tlog.checkpoint import Checkpoint, opened, read_checkpoint
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.note import Note, cosign, log_key, read_note, read_vkey, sign, verified, witness_key
from ecoklit.tlog.policy import cosigners, judge, read_policy

LOG = key_from_seed("ed25519", bytes(31) + b"\1")
WITNESSES = [key_from_seed("ed25519", bytes(31) + bytes([2 + nth])) for nth in range(3)]
ORIGIN = "example.com/behind-the-sofa"
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
SOFA = f"{ORIGIN}\n20852163\n{ROOT}\n"


# --- published examples ----------------------------------------------------------------------------------------------


def test_the_example_of_the_note_specification_verifies() -> None:
    key = read_vkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    note = read_note(
        "This is an example message.\n\n— example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n".encode()
    )
    assert [found for found, _ in verified(note, [key])] == [key]


def test_the_example_of_go_is_signed_to_the_same_bytes() -> None:
    """The documented private key of golang.org/x/mod/sumdb/note gives the documented note: Ed25519 has one answer."""
    key = key_from_seed("ed25519", base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:])
    assert log_key("PeterNeumann", key).vkey == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    assert Note(text, (sign(text, "PeterNeumann", key),)).written == f"{text}\n— {line}\n".encode()


def test_the_key_of_gos_checksum_database_is_read() -> None:
    vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert (read_vkey(vkey).vkey, read_vkey(vkey).key_id.hex()) == (vkey, "033de0ae")


def test_the_checkpoint_of_the_specification_is_read_to_the_same_bytes() -> None:
    """Its example, with a log's and a witness's signature of unknown keys: all of it comes back as it came."""
    lines = (
        f"{ORIGIN} Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=",
        "witness.example.com/w1 "
        "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==",
    )
    written = "".join([SOFA, "\n", *(f"— {line}\n" for line in lines)]).encode()
    note = read_note(written)
    checkpoint = read_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size, note.written, checkpoint.text) == (ORIGIN, 20852163, written, SOFA)
    with pytest.raises(LogFault, match="Nobody whose key is known"):
        verified(note, [log_key(ORIGIN, LOG)])


def test_a_cosignature_signs_what_its_specification_writes_out() -> None:
    """Header, time and the whole text; the time in eight bytes before the signature; the key's kind is 4."""
    line = cosign(SOFA, "witness.example/w1", WITNESSES[0], 1679315147)
    message = f"cosignature/v1\ntime 1679315147\n{SOFA}".encode()
    assert line.raw == (1679315147).to_bytes(8, "big") + WITNESSES[0].sign(message)
    public = WITNESSES[0].public_key
    assert line.key_id == hashlib.sha256(b"witness.example/w1\n\x04" + public).digest()[:4]


# --- what is refused -------------------------------------------------------------------------------------------------


@given(st.data())
def test_no_bit_of_a_note_can_be_changed(data: st.DataObject) -> None:
    """Whatever bit is flipped in a signed and cosigned checkpoint: it is refused, or it is another key's line."""
    key, witness = log_key(ORIGIN, LOG), witness_key("w1", WITNESSES[0])
    note = Note(SOFA, (sign(SOFA, ORIGIN, LOG), cosign(SOFA, "w1", WITNESSES[0], 7)))
    raw = bytearray(note.written)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        changed = read_note(bytes(raw))
        signed = {found.name for found, _ in verified(changed, [key, witness])}
    except LogFault:
        return
    assert changed.text == SOFA
    assert signed < {ORIGIN, "w1"}


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"text\n", b"text\n\n", b"text\n\n\n", b"te\rxt\n\n" + b"\xe2\x80\x94 a AAAAAAA=\n", b"\xff\n\n"]
    + [f"text\n\n{line}".encode() for line in ("— a AAAAAAA=", "- a AAAAAAA=\n", "— a+b AAAAAAA=\n", "— a  AAAAAAA=\n",
                                              "— a AAAA\n", "— a AAAAAAA\n", "— a AAAAAAB=\n", "—  AAAAAAA=\n")],
)  # fmt: skip
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(LogFault, match="no signed note"):
        read_note(data)


@pytest.mark.parametrize(
    "text",
    ["", "a\n1\n", f"a\n01\n{ROOT}\n", f"\n1\n{ROOT}\n", f"a\n-1\n{ROOT}\n", "a\n1\nCsUY\n",
     f"a\n{2**63}\n{ROOT}\n", f"a\n1\n{ROOT[:-2]}J=\n", f"a\n1\n{ROOT}\n\nb\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(LogFault, match="no checkpoint to go by"):
        read_checkpoint(text)


def test_a_log_signs_for_itself_only() -> None:
    """A key that is trusted for one log gives no other log's checkpoint."""
    text = Checkpoint("elsewhere.example/log", 1, bytes(32)).text
    with pytest.raises(LogFault, match="the key that of"):
        opened(Note(text, (sign(text, ORIGIN, LOG),)).written, log_key(ORIGIN, LOG))


@pytest.mark.parametrize(
    "vkey",
    ["", "a", "a+b+c", "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
     "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "example.com/foo+530d903a+Aeky",
     "ex ample+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "a+ca978112+"],
)  # fmt: skip
def test_what_is_no_key_is_refused(vkey: str) -> None:
    with pytest.raises(LogFault, match="no key of a log"):
        read_vkey(vkey)


# --- policies --------------------------------------------------------------------------------------------------------


def vkeys() -> list[str]:
    return [witness_key(f"w{nth}.example", key).vkey for nth, key in enumerate(WITNESSES)]


def checkpoint_seen_by(*nths: int) -> Note:
    lines = [cosign(SOFA, f"w{nth}.example", WITNESSES[nth], 100 + nth) for nth in nths]
    return Note(SOFA, (sign(SOFA, ORIGIN, LOG), *lines))


def policy_text(quorum: str = "quorum both") -> str:
    a, b, c = vkeys()
    return (
        f"# of a made-up election\nlog {log_key(ORIGIN, LOG).vkey} https://example.com/log/\n\n  witness\tbawaslu {a}\n"
        f"witness p1 {b}\nwitness p2 {c} https://p2.example/\ngroup parties any p1 p2\n"
        f"group both all bawaslu parties\n{quorum}\n"
    )


@pytest.mark.parametrize(
    ("quorum", "seen", "is_enough"),
    [("both", (0, 1), True), ("both", (0, 2), True), ("both", (0, 1, 2), True), ("both", (1, 2), False),
     ("both", (0,), False), ("bawaslu", (0,), True), ("bawaslu", (1, 2), False), ("parties", (2,), True),
     ("none", (), True), ("both", (), False)],
)  # fmt: skip
def test_a_quorum_is_what_the_policy_says(quorum: str, seen: tuple[int, ...], is_enough: bool) -> None:
    policy = read_policy(policy_text(f"quorum {quorum}").encode())
    note = checkpoint_seen_by(*seen)
    if not is_enough:
        with pytest.raises(LogFault, match="no quorum"):
            judge(policy, note)
        return
    names = ("bawaslu", "p1", "p2")
    assert judge(policy, note).cosigned == {names[nth]: 100 + nth for nth in seen}


def test_a_false_cosignature_is_no_absent_one() -> None:
    """A line that names a known witness and is not its own spoils the note, also where the quorum stands without it."""
    policy = read_policy(policy_text("quorum none").encode())
    false = cosign(SOFA + "x\n", "w1.example", WITNESSES[1], 5)
    with pytest.raises(LogFault, match=r"signature of w1\.example"):
        cosigners(policy, checkpoint_seen_by(0).with_signatures([false]))


def test_a_policy_takes_its_own_logs_only() -> None:
    text = Checkpoint("other.example/log", 1, bytes(32)).text
    policy = read_policy(policy_text("quorum none").encode())
    with pytest.raises(LogFault, match="names no log"):
        judge(policy, Note(text, (sign(text, "other.example/log", LOG),)))
    stranger = key_from_seed("ed25519", bytes([9]) * 32)
    with pytest.raises(LogFault, match="Nobody whose key is known"):
        judge(policy, Note(SOFA, (sign(SOFA, ORIGIN, stranger),)))


def _lines(*more: str) -> str:
    return "\n".join([f"witness a {vkeys()[0]}", f"witness b {vkeys()[1]}", *more]) + "\n"


@pytest.mark.parametrize(
    ("case", "line"),
    [("no-quorum", 0), ("two-quorums", 4), ("unknown-quorum", 3), ("name-twice", 3), ("name-none", 3), ("key-twice", 3),
     ("too-many", 3), ("none-of-them", 3), ("no-members", 3), ("member-twice", 4), ("later-member", 3),
     ("log-as-witness", 3), ("witness-as-log", 3), ("unknown-word", 3), ("control", 3), ("not-a-number", 3)],
)  # fmt: skip
def test_a_policy_that_does_not_hold_together_is_refused(case: str, line: int) -> None:
    """Each fault by its line, so that nobody has to guess whom the policy counts."""
    a, _, c = vkeys()
    texts = {
        "no-quorum": _lines(),
        "two-quorums": _lines("quorum a", "quorum b"),
        "unknown-quorum": _lines("quorum c"),
        "name-twice": _lines(f"witness a {c}", "quorum a"),
        "name-none": _lines(f"witness none {c}", "quorum a"),
        "key-twice": _lines(f"witness c {a}", "quorum a"),
        "too-many": _lines("group g 3 a b", "quorum g"),
        "none-of-them": _lines("group g 0 a b", "quorum g"),
        "no-members": _lines("group g any", "quorum g"),
        "member-twice": _lines("group g any a", "group h any a b", "quorum h"),
        "later-member": _lines("group g any h", "group h any a", "quorum g"),
        "log-as-witness": _lines(f"witness c {log_key(ORIGIN, LOG).vkey}", "quorum a"),
        "witness-as-log": _lines(f"log {c}", "quorum a"),
        "unknown-word": _lines("witnesses a b", "quorum a"),
        "control": _lines("quorum a\r"),
        "not-a-number": _lines("group g +1 a b", "quorum g"),
    }
    with pytest.raises(LogFault, match=f"Line {line} of the policy" if line else "no quorum line"):
        read_policy(texts[case].encode())


def test_names_of_a_policy_are_bytes() -> None:
    """A name that is no UTF-8 names its witness all the same."""
    text = f"witness \udcff {vkeys()[0]}\nquorum \udcff\n".encode("utf-8", "surrogateescape")
    assert read_policy(text).quorum == "\udcff"


def test_keys_of_phones_from_before_ed25519_sign_no_log() -> None:
    old: Key = key_from_seed("p256", bytes(31) + b"\1")
    with pytest.raises(ValueError, match="Ed25519"):
        log_key(ORIGIN, old)
