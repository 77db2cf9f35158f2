"""How a device gets its first right: by a code that somebody reads to it, or by its key shown to an office (SPEC §8.5).

A **code** is a secret of 75 bits. From it both sides make one and the same ed25519 key, the *voucher*: the office
says in the registry what that key may do (`vouched`: enrol one device, for one officer, in one area), and the device
then signs its own enrolment with it. So the office need not be there when the code is used, the service never sees a
code and can grant nothing, and a replay from the root key checks all of it. The registry's own order lets the
first use win.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from ecoklit.core import canonical, ids, speakable
from ecoklit.core.event import moment_of
from ecoklit.core.registry_event import (
    Assigned,
    DeviceEnrolled,
    ElectionOpened,
    OfficeRole,
    RegistryLog,
    SignedRegistry,
    Vouched,
    read_line,
)
from ecoklit.core.signing import ED25519, Key, PublicKey, key_from_seed
from ecoklit.errors import EcoklitError

CODE_SYMBOLS: Final = 15
"""And one to check them: sixteen, in four groups, as a prepaid card's number has. A voucher's public key can be seen by
everybody, so guessing goes on without asking anyone: 75 bits, times the rounds below."""

CODE_ENTROPY_BYTES: Final = CODE_SYMBOLS
GROUP_SYMBOLS: Final = 4
ROUNDS: Final = 100_000
"""PBKDF2, because every browser has it: 17 bits more for whoever guesses, 50 ms for a phone."""


class BadEnrolment(EcoklitError):
    """What was typed or scanned enrols nobody; nothing was changed. Codes: bad_code, late_code, bad_key_line,
    bad_invitation, bad_enrolment, other_election."""


# --- codes -----------------------------------------------------------------------------------------------------------


def code_of(entropy: bytes) -> str:
    """The code that 15 bytes of chance give, as it is shown: `K7QX-3MPA-9TRW-D0EF`."""
    if len(entropy) != CODE_ENTROPY_BYTES:
        raise ValueError(f"a code is made of {CODE_ENTROPY_BYTES} bytes")
    return _shown("".join(speakable.ALPHABET[byte & 31] for byte in entropy))


def read_code(text: str) -> str:
    """The code that a person typed or said, as it is shown. Raises BadEnrolment bad_code."""
    try:
        symbols = speakable.heard(text)
        if len(symbols) != CODE_SYMBOLS + 1:
            raise ValueError(f"it has {len(symbols)} symbols, not {CODE_SYMBOLS + 1}")
        return _shown(speakable.checked(symbols))
    except ValueError as error:
        raise BadEnrolment("bad_code", f"That is no enrolment code ({error}): compare it and type it again.") from None


def voucher_key(code: str, election: str, regency: str) -> Key:
    """The key that a code stands for in one election and regency. Raises BadEnrolment bad_code."""
    secret = read_code(code).replace("-", "")[:CODE_SYMBOLS].encode()
    salt = f"ecoklit-voucher-v1\n{election}\n{regency}\n".encode()
    return key_from_seed(ED25519, hashlib.pbkdf2_hmac("sha256", secret, salt, ROUNDS))


def _shown(symbols: str) -> str:
    return speakable.grouped(speakable.with_check(symbols), GROUP_SYMBOLS)


# --- using a code ----------------------------------------------------------------------------------------------------


class Terms(msgspec.Struct, frozen=True):
    """What a voucher grants: the device that it enrols becomes `officer`'s in `area`, in `role`; used up to `until`."""

    officer: str
    role: str
    area: str
    until: str


def redeem(
    voucher: Key, terms: Terms, device: PublicKey, *, election: str, regency: str, at: str, nkey: str | None = None
) -> list[SignedRegistry]:
    """The two registry events by which a device enrols itself with a voucher: enrolled, then assigned.

    Keep them before they are sent: made again with another `at` they would be different events of one name.
    Raises BadEnrolment late_code when `at` is after `until`: nobody else looks (decision 0064).
    """
    if moment_of(at) > moment_of(terms.until):
        raise BadEnrolment(
            "late_code",
            f"The code was good until {terms.until}, and this device's clock says {at}: set the clock right, or ask "
            "for a new code.",
        )
    log = RegistryLog(
        voucher, election=election, regency=regency, officer=terms.officer, role=role_of_log(terms.role)
    )  # fmt: skip
    return [
        log.append(
            "device_enrolled", at=at, enrolled=device.device, holder=terms.officer, key=device, **_optional(nkey=nkey)
        ),
        log.append(
            "assigned",
            at=at,
            area=terms.area,
            officer_assigned=terms.officer,
            role_assigned=terms.role,
            to_device=device.device,
        ),
    ]


def role_of_log(role: str) -> OfficeRole:
    """The role that a holder of `role` signs under: an operator types, and signs nothing of an office."""
    if role in ("pps", "ppk", "kpu"):
        return role  # type: ignore[return-value]
    return "pantarlih"


def _optional(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# --- what a device shows, and what it is shown -----------------------------------------------------------------------


class KeyLine(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a device without a network shows to an office: its public key, and its user key at the broker if any."""

    algorithm: str
    public_key: str
    nkey: str | UnsetType = UNSET

    @property
    def key(self) -> PublicKey:
        return PublicKey(self.algorithm, self.public_key)


class _Enrol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enrol: KeyLine


def write_key_line(key: PublicKey, nkey: str | None = None) -> str:
    """`{"enrol":{…}}`: one line, also the text of its QR code."""
    shown = {"algorithm": key.algorithm, "public_key": key.public_key, **_optional(nkey=nkey)}
    return canonical.encode({"enrol": shown}).decode()


def read_key_line(text: str) -> KeyLine:
    """What `write_key_line` wrote. Raises BadEnrolment bad_key_line."""
    try:
        line = msgspec.json.decode(text.strip().encode(), type=_Enrol).enrol
        if not ids.is_device(line.key.device) or (line.nkey is not UNSET and not ids.is_nkey(line.nkey)):
            raise ValueError
    except ValueError:
        raise BadEnrolment(
            "bad_key_line",
            'That is no device\'s key: give the whole line {"enrol":{…}} that the device shows, or the file with it.',
        ) from None
    return line


class Invitation(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a code's QR says: the code, where it counts, the root key's id to hold the registry against, and the
    service's address where one is known."""

    code: str
    election: str
    regency: str
    root: str
    service: str | UnsetType = UNSET


class _Invite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    invitation: Invitation


def write_invitation(invitation: Invitation) -> str:
    """`{"invitation":{…}}`: one line, the text of the QR code."""
    return canonical.encode({"invitation": msgspec.to_builtins(invitation)}).decode()


_LINK: Final = "/field/#"


def write_link(invitation: Invitation) -> str | None:
    """The address that opens the field app on a phone with the invitation in it; None where no service is known.

    What stands behind the # is not sent to anybody: the app reads it.
    """
    if invitation.service is UNSET:
        return None
    words = (invitation.code, invitation.election, invitation.regency, invitation.root)
    return f"{invitation.service.rstrip('/')}{_LINK}{'.'.join(words)}"


def is_invitation(text: str) -> bool:
    """Whether somebody gave an invitation or its link, rather than a code."""
    return text.lstrip().startswith("{") or _LINK in text


def _of_link(text: str) -> Invitation:
    service, _, words = text.strip().partition(_LINK)
    code, election, regency, root = words.split(".")
    return Invitation(code, election, regency, root, service)


def read_invitation(text: str) -> Invitation:
    """What `write_invitation` or `write_link` wrote. Raises BadEnrolment bad_invitation, bad_code."""
    try:
        is_link = _LINK in text and not text.lstrip().startswith("{")
        invitation = _of_link(text) if is_link else msgspec.json.decode(text.strip().encode(), type=_Invite).invitation
    except ValueError:
        raise BadEnrolment(
            "bad_invitation", "That is no invitation: scan the QR code again, or type the code below it."
        ) from None
    read_code(invitation.code)
    if not (ids.is_word(invitation.election) and ids.is_regency(invitation.regency) and ids.is_device(invitation.root)):
        raise BadEnrolment("bad_invitation", "The invitation names no election: ask for a new one.")
    return invitation


# --- what a device carries -------------------------------------------------------------------------------------------


def chain_of(lines: Iterable[bytes], device: str) -> list[bytes]:
    """Of registry `lines`, in their order, those that `device` needs to prove its rights to a registry without them.

    These are the logs, whole because a log has no holes, of everybody who enrolled or assigned it or its officer, up
    to the root. Whatever else a registry says, it says by itself.
    """
    read = [(line, read_line(line)) for line in lines]
    # A right is given to a device, or to an officer and so to all of their devices.
    given = [(name, by) for _, signed in read for name, by in _given(signed)]
    needed = {device} | {signed.device for _, signed in read if isinstance(signed.event, ElectionOpened)}
    size = 0
    while size < len(needed):
        size = len(needed)
        needed |= {by for name, by in given if name in needed}
    return [line for line, signed in read if signed.device in needed]


def _given(signed: SignedRegistry) -> list[tuple[str, str]]:
    """(who needs, whose log) of a registry event that gives something."""
    event = signed.event
    if isinstance(event, DeviceEnrolled):
        return [(event.enrolled, signed.device), (event.enrolled, event.holder)]
    if isinstance(event, Assigned):
        return [(event.officer_assigned if event.to_device is UNSET else event.to_device, signed.device)]
    if isinstance(event, Vouched):
        return [(event.voucher, signed.device)]
    return []
