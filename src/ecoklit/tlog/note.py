"""Signed notes: a text, and lines that sign it (c2sp.org/signed-note, c2sp.org/tlog-cosignature).

Two kinds of signature are known: Ed25519 over the text (0x01), by which a log signs its checkpoints, and the
timestamped cosignature of a witness (0x04). Signatures of unknown keys are ignored, whatever they are.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple

from ecoklit.core.ids import sha256
from ecoklit.core.signing import ED25519, SIGNATURE_BYTES, Key, verify
from ecoklit.tlog.fault import BAD_LOG_KEY, BAD_NOTE, UNSIGNED, LogFault

SIGNS: Final = 1
"""The kind of key that signs a note's text as it is."""
COSIGNS: Final = 4
"""The kind of key that signs a checkpoint with the time at which it was seen."""
NOTE_BYTES_MAX: Final = 64 * 1024
SIGNATURES_MAX: Final = 100
KEY_ID_BYTES: Final = 4
TIME_BYTES: Final = 8
TIME_MAX: Final = 2**63 - 1
_MARK: Final = "— "
_KINDS: Final = {SIGNS: "a log", COSIGNS: "a witness"}


class Signature(NamedTuple):
    """One line under a note: whose it says to be, and the bytes."""

    name: str
    key_id: bytes
    raw: bytes

    @property
    def line(self) -> str:
        return f"{_MARK}{self.name} {b64encode(self.key_id + self.raw).decode('ascii')}\n"


class Note(NamedTuple):
    """A text that ends with a line break, and what is written under it."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def written(self) -> bytes:
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}".encode()

    def with_signatures(self, more: Iterable[Signature]) -> Note:
        """This note with `more` under it, each key once, the latest."""
        found = {(signature.name, signature.key_id): signature for signature in (*self.signatures, *more)}
        return self._replace(signatures=tuple(found.values()))


class VerifierKey(NamedTuple):
    """Whose signature is looked for: a name, what kind of signature, and the Ed25519 public key (a *vkey*)."""

    name: str
    kind: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key)[:KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """As it is written in a policy and handed round."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.kind]) + self.public_key).decode('ascii')}"

    def made(self, signature: Signature) -> bool:
        """Whether the line says to be by this key."""
        return (signature.name, signature.key_id) == (self.name, self.key_id)

    def verifies(self, text: str, signature: Signature) -> bool:
        if self.kind == SIGNS:
            return verify(ED25519, self.public_key, text.encode(), signature.raw)
        seconds = cosigned_at(signature)
        if seconds is None:
            return False
        return verify(ED25519, self.public_key, _cosigned(text, seconds), signature.raw[TIME_BYTES:])


def log_key(name: str, key: Key) -> VerifierKey:
    """What verifies the notes that `sign` signs under this name."""
    return VerifierKey(_demand_name(name), SIGNS, _ed25519(key))


def witness_key(name: str, key: Key) -> VerifierKey:
    """What verifies the cosignatures that `cosign` makes under this name."""
    return VerifierKey(_demand_name(name), COSIGNS, _ed25519(key))


def read_vkey(text: str) -> VerifierKey:
    """The key that is written so; raises LogFault bad_log_key."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = _from_base64(encoded)
        key = VerifierKey(_demand_name(name), raw[0], raw[1:])
    except (ValueError, IndexError):
        raise _bad_key(text) from None
    if key.kind not in _KINDS or len(key.public_key) != 32 or key_id != key.key_id.hex():
        raise _bad_key(text)
    return key


def _bad_key(text: str) -> LogFault:
    return LogFault(
        BAD_LOG_KEY,
        f"'{text[:80]}' is no key of a log or witness that is known here (name+id+key, Ed25519): copy it whole.",
    )


def sign(text: str, name: str, key: Key) -> Signature:
    """The log's signature over a text."""
    return Signature(name, log_key(name, key).key_id, key.sign(text.encode()))


def cosign(text: str, name: str, key: Key, seconds: int) -> Signature:
    """A witness's cosignature over a checkpoint's text: seen, and consistent, at `seconds` since 1970."""
    raw = seconds.to_bytes(TIME_BYTES, "big") + key.sign(_cosigned(text, seconds))
    return Signature(name, witness_key(name, key).key_id, raw)


def cosigned_at(signature: Signature) -> int | None:
    """The time in a cosignature; None when it has not the form of one."""
    seconds = int.from_bytes(signature.raw[:TIME_BYTES], "big")
    return seconds if len(signature.raw) == TIME_BYTES + SIGNATURE_BYTES and seconds <= TIME_MAX else None


def verified(note: Note, keys: Iterable[VerifierKey]) -> list[tuple[VerifierKey, Signature]]:
    """Which of these keys signed the note. Raises LogFault unsigned_note when none did, or one of their signatures is
    wrong: whoever changed a note cannot have it taken for an old one with a key less."""
    found = []
    for key in keys:
        for signature in filter(key.made, note.signatures):
            if not key.verifies(note.text, signature):
                raise LogFault(
                    UNSIGNED,
                    f"The signature of {key.name} is not over this text: fetch the note again, or from elsewhere.",
                )
            found.append((key, signature))
    if not found:
        raise LogFault(UNSIGNED, "Nobody whose key is known signed this note: give the key of whoever should have.")
    return found


# --- reading ---------------------------------------------------------------------------------------------------------


def read_note(data: bytes) -> Note:
    """The note that these bytes are, exactly; raises LogFault bad_note."""
    if len(data) > NOTE_BYTES_MAX:
        raise _bad_note(f"it has {len(data)} bytes, and at most {NOTE_BYTES_MAX} are read")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise _bad_note("it is not UTF-8") from None
    if any(character < " " and character != "\n" for character in whole):
        raise _bad_note("it has control characters")
    text, empty, lines = whole.rpartition("\n\n")
    if not (empty and text and lines.endswith("\n")):
        raise _bad_note("it is not a text, an empty line and lines of signatures")
    signatures = read_signatures(lines)
    if not signatures:
        raise _bad_note("nobody signed it")
    return Note(f"{text}\n", signatures)


def read_signatures(lines: str) -> tuple[Signature, ...]:
    """The signatures in these lines, each ended by a line break; raises LogFault bad_note."""
    if lines and not lines.endswith("\n"):
        raise _bad_note("its last line is not ended")
    found = tuple(map(_read_signature, lines.split("\n")[:-1]))
    if len(found) > SIGNATURES_MAX:
        raise _bad_note(f"it has {len(found)} signatures, and at most {SIGNATURES_MAX} are read")
    return found


def _read_signature(line: str) -> Signature:
    words = line.removeprefix(_MARK).split(" ")
    try:
        name, raw = _demand_name(words[0]), _from_base64(words[1])
    except (ValueError, IndexError):
        raise _bad_note("a line under it is no signature") from None
    if not line.startswith(_MARK) or len(words) != 2 or len(raw) <= KEY_ID_BYTES:
        raise _bad_note("a line under it is no signature")
    return Signature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _bad_note(why: str) -> LogFault:
    return LogFault(BAD_NOTE, f"This is no signed note, for {why}: fetch it again, or from elsewhere.")


def _demand_name(name: str) -> str:
    if not name or "+" in name or name.split() != [name] or not name.isprintable():
        raise ValueError(f"not the name of a key: {name!r}")
    return name


def _from_base64(text: str) -> bytes:
    """Standard base64 with its padding, written in the only way; ValueError otherwise."""
    raw = b64decode(text, validate=True)
    if b64encode(raw).decode("ascii") != text:
        raise ValueError("not canonical base64")
    return raw


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _ed25519(key: Key) -> bytes:
    if key.algorithm != ED25519:
        raise ValueError("a log and a witness sign with Ed25519")
    return key.public_key
