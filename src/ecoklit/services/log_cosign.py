"""Asking the witnesses of a policy to cosign what a log has just signed (c2sp.org/tlog-witness)."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Final, NamedTuple

from ecoklit.errors import EcoklitError
from ecoklit.tlog.checkpoint import Checkpoint, read_checkpoint, read_number
from ecoklit.tlog.fault import LogFault
from ecoklit.tlog.note import Note, VerifierKey, read_signatures, verified
from ecoklit.tlog.policy import Policy
from ecoklit.tlog.proof import consistency
from ecoklit.tlog.tree import ReadTile
from ecoklit.tlog.witness import OTHER_SIZE, STATUS, Request

Ask = Callable[[str, Request], tuple[int, bytes]]
"""(url, request) → status and body of the answer. Raises EcoklitError when nobody answers."""


TURNED_BACK: Final = "log_turned_back"


class Collected(NamedTuple):
    """A checkpoint with the cosignatures that came; and, by the policy's name, in a sentence why the others did not."""

    note: Note
    troubles: dict[str, str]


def collect(policy: Policy, note: Note, read: ReadTile, ask: Ask, sizes: MutableMapping[str, int]) -> Collected:
    """Have the witnesses that a policy has an address of cosign `note`. `sizes` says what each cosigned last, as far as
    is known, and is brought up to date.

    Raises EcoklitError log_turned_back when a witness cosigned a greater tree than there is: this log is an older copy
    of itself, and must sign nothing more.
    """
    checkpoint, troubles = read_checkpoint(note.text), {}
    for name, key in policy.witnesses.items():
        if name not in policy.urls:
            continue
        try:
            note = _asked(name, key, policy.urls[name], checkpoint, note, read, ask, sizes)
        except EcoklitError as error:
            if error.code == TURNED_BACK:
                raise
            troubles[name] = error.message
    return Collected(note, troubles)


def _asked(
    name: str,
    key: VerifierKey,
    url: str,
    checkpoint: Checkpoint,
    note: Note,
    read: ReadTile,
    ask: Ask,
    sizes: MutableMapping[str, int],
) -> Note:
    status, body = 0, b""
    for _ in range(2):  # once more from the size that it says it has
        old = min(sizes.get(name, 0), checkpoint.size)
        status, body = ask(url, Request(old, tuple(consistency(old, checkpoint.size, read)), note))
        has = read_number(body.decode("ascii", "replace").strip()) if status == STATUS[OTHER_SIZE] else None
        if has is None:
            break
        if has > checkpoint.size:
            raise EcoklitError(
                TURNED_BACK,
                f"Witness {name} cosigned {has} leaves of {checkpoint.origin}, and here are {checkpoint.size}: this "
                "folder is an older copy of the log. Restore the newest; nothing more is signed.",
            )
        sizes[name] = has
    if status != 200:
        raise LogFault("not_cosigned", f"Witness {name} answered {status}: {_sentence(body)}")
    signatures = [signature for signature in read_signatures(body.decode("utf-8", "replace")) if key.made(signature)]
    verified(Note(note.text, tuple(signatures)), [key])
    sizes[name] = checkpoint.size
    return note.with_signatures(signatures)


def _sentence(body: bytes) -> str:
    text = "".join(character for character in body.decode("utf-8", "replace")[:200] if character.isprintable())
    return text or "it does not say why."
