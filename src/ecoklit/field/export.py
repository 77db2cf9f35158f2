"""What a dying phone hands on: its unsent entries as pushes, which anybody may carry and nobody can change."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from ecoklit.core import sealing
from ecoklit.core.signing import ED25519, PublicKey
from ecoklit.errors import EcoklitError
from ecoklit.field import enrolment
from ecoklit.field.outbox import Outbox
from ecoklit.field.parts import parts
from ecoklit.field.trouble import NotSaid


class NotExported(EcoklitError):
    """No file was written. Codes: file_exists, export_not_written, not_sealable."""


class Exported(NamedTuple):
    """The bytes of a file, and what is in it."""

    data: bytes
    entries: int
    reports: int


def export(outbox: Outbox, *, whole: bool = False) -> Exported:
    """The entries and reports that the service is not known to hold, or the `whole` log, each push signed.

    The enrolment goes ahead while the service has not shown that it knows the phone. Nothing is marked as sent: that
    only a receipt can do.
    """
    about, identity = outbox.about(), outbox.identity()
    if identity is None or not about.election:
        raise NotSaid("not_enrolled", "This phone is enrolled nowhere yet, so it has nothing to export.")
    after = 0 if whole else identity.held
    held = outbox.own(identity.device, after=after)
    ahead = [] if identity.introduced and not whole else enrolment.ahead(outbox, identity.device)
    receipts = [one for one in outbox.receipts(identity.device) if one.receipt.seq > after]
    known = outbox.latest_receipt(identity.device, "registry")
    reports = outbox.registry_own(identity.device, 0 if known is None or whole else known.receipt.seq)
    if ahead:
        # Whoever brings the file sends what has no head first, and nobody there knows the phone yet.
        ahead, behind = [*ahead, *reports], []
    else:
        behind = reports
    pushes = [part.body for part in parts(identity.key, about.election, held, registry=ahead, receipts=receipts)]
    pushes.extend(line + b"\n" for line in behind)
    return Exported(b"".join(pushes), len(held), len(reports))


def sealed(exported: Exported, services: Mapping[str, PublicKey], entropy: Callable[[int], bytes]) -> Exported:
    """The same, opened by the service alone: who carries it can read nothing."""
    key = next((key for _, key in sorted(services.items()) if key.algorithm == ED25519), None)
    if key is None:
        raise NotExported("not_sealable", "The election names no service key to seal to: export without --sealed.")
    line = sealing.to_key(exported.data, key, entropy(sealing.EPHEMERAL_BYTES))
    return exported._replace(data=line + b"\n")


def write_file(path: Path, data: bytes) -> None:
    """A new file for its owner alone, whole and on disk when this returns. Raises NotExported."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise NotExported("file_exists", f"{path} exists and is kept: name another file.") from None
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)  # half an export would look like one
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> NotExported:
    return NotExported("export_not_written", f"{path} could not be written ({error.strerror}): name another place.")
