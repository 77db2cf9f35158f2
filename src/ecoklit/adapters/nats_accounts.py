"""Who may do what at a broker in operator mode, and the keys that say so (docs/decisions/0061).

One account holds the streams. Three signing keys, each with a scope of its own, let users in: whoever has the devices'
key can make devices and nothing more. What a scope allows is written once, here, and holds for every user of it.

| user | publishes | subscribes |
|---|---|---|
| a device | its own pushes and pulls | its own answers |
| the service | events, persons, registry; reads and makes streams, answers | pushes, pulls, its own answers |
| a reader | reads the streams that it is made for | its own answers |
| an eraser | deletes from the stream of persons that it is made for | its own answers |

Nobody may delete, purge, change or restore a stream. But for an eraser, who is let in for an hour, nobody may delete a
message. A consumer is the service's alone: the broker
itself delivers what a consumer reads, to any subject that its maker names, whatever that maker may publish.

A device's claims and the service's hold until they are revoked: the registry shuts a device out within seconds, and a
broker whose clock jumps must not lock out a regency's phones. No registry knows the readers, so theirs end by a date.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

from ecoklit.adapters.nats_credentials import (
    ACCOUNT,
    OPERATOR,
    USER,
    BrokerKey,
    CredentialFault,
    claims,
    credentials,
    is_user_key,
)
from ecoklit.core.broker_names import PULL_PREFIX, PUSH_PREFIX, REGISTRY_PREFIX, inbox_of
from ecoklit.core.ids import is_device, is_regency, is_word
from ecoklit.limits import SUBSCRIPTIONS_PER_DEVICE_MAX

SERVICE: Final = "service"
ERASER: Final = "eraser"
ERASER_SECONDS_MAX: Final = 3600
"""As long as it takes to erase a regency's persons one by one, with room."""
CREDENTIALS_FILE: Final = "service.creds"
STATE_FILE: Final = "revoked.json"
ANSWER_SECONDS_MAX: Final = 120
"""How long the service may take to answer a request; its own bounds are far below."""

READER_DAYS_MAX: Final = 366
"""Longer than any coklit and its audit: a reader that is forgotten goes by itself."""

_DAY_SECONDS: Final = 86_400
_READER = re.compile(r"reader-[a-z0-9_-]{1,32}").fullmatch
_UNBOUNDED: Final = {"data": -1, "payload": -1, "subs": -1}
_LIMITS: Final = {
    **_UNBOUNDED, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": 0,
}  # fmt: skip
_STREAMS: Final = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}

_DEVICES: Final[dict[str, Any]] = {
    "pub": {"allow": [prefix + "{{name()}}" for prefix in (PUSH_PREFIX, PULL_PREFIX, REGISTRY_PREFIX)]},
    "sub": {"allow": [inbox_of("{{name()}}") + ".>"]},
    "allowed_connection_types": ["STANDARD", "WEBSOCKET"],
    **_UNBOUNDED,
    "subs": SUBSCRIPTIONS_PER_DEVICE_MAX,
}
_SERVICES: Final[dict[str, Any]] = {
    "pub": {
        "allow": [
            "ecoklit.*.*.*",  # events and registry
            "ecoklit.*.*.*.*",  # persons
            "$JS.API.STREAM.INFO.*",
            "$JS.API.STREAM.CREATE.*",
            "$JS.API.STREAM.MSG.GET.*",
            "$JS.API.DIRECT.GET.>",
            "$JS.API.CONSUMER.CREATE.*",  # without a name: it lives for one read
            "$JS.API.CONSUMER.MSG.NEXT.*.*",
            "$JS.API.CONSUMER.DELETE.*.*",
        ]
    },
    "sub": {"allow": [PUSH_PREFIX + "*", PULL_PREFIX + "*", REGISTRY_PREFIX + "*", inbox_of(SERVICE) + ".>"]},
    "resp": {"max": 1, "ttl": ANSWER_SECONDS_MAX * 1_000_000_000},
    "allowed_connection_types": ["STANDARD"],
    **_UNBOUNDED,
}
_READERS: Final[dict[str, Any]] = {
    "pub": {
        "allow": [
            f"$JS.API.{asked}.ECOKLIT-{{{{tag(stream)}}}}{more}"
            for asked, more in (
                ("STREAM.INFO", ""), ("STREAM.MSG.GET", ""), ("DIRECT.GET", ""), ("DIRECT.GET", ".>"),
            )
        ]
    },
    "sub": {"allow": [inbox_of("{{name()}}") + ".>"]},
    "allowed_connection_types": ["STANDARD", "WEBSOCKET"],
    **_UNBOUNDED,
}  # fmt: skip


_ERASERS: Final[dict[str, Any]] = {
    "pub": {"allow": ["$JS.API.STREAM.MSG.DELETE.ECOKLIT-{{tag(stream)}}"]},
    "sub": {"allow": [inbox_of(ERASER) + ".>"]},
    "allowed_connection_types": ["STANDARD"],
    **_UNBOUNDED,
}


def reader_of(name: str) -> str:
    """The user that a reader of this name is at the broker."""
    return f"reader-{name}"


def reader_streams(election: str, regency: str) -> tuple[str, str]:
    """The streams that a reader of a regency reads: events and registry."""
    return f"ECOKLIT-{election}-{regency}", f"ECOKLIT-{election}-{regency}-registry"


class BrokerAccounts:
    """The operator of one broker, its accounts, and who was shut out, in a folder for its owner alone.

    `operator`, `system` and `account` are public keys. Trust: whoever has the folder is the broker's master. If it is
    lost, new keys are made and every device needs new credentials; no event is touched.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        """Open `folder`, made with fresh keys if it is absent; a key that is missing is made anew."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._now = now
        self._operator, self._system, self._account = (
            self._key("operator", OPERATOR), self._key("system", ACCOUNT), self._key("account", ACCOUNT),
        )  # fmt: skip
        self._devices, self._services, self._readers = (
            self._key("devices", ACCOUNT), self._key("services", ACCOUNT), self._key("readers", ACCOUNT),
        )  # fmt: skip
        self._erasers = self._key("erasers", ACCOUNT)
        self._service = self._key(SERVICE, USER)
        self.operator, self.system, self.account = (
            self._operator.public, self._system.public, self._account.public,
        )  # fmt: skip
        self._issued, self._revoked = self._read_state()
        _write(
            folder / CREDENTIALS_FILE,
            credentials(self._user(self._services, self._service.public, SERVICE), self._service),
        )

    @property
    def service_credentials(self) -> Path:
        """The credentials file of the service, for `ECOKLIT_NATS_CREDS` and for the other commands of this folder."""
        return self._folder / CREDENTIALS_FILE

    @property
    def revoked(self) -> frozenset[str]:
        """The user keys that are shut out."""
        return frozenset(self._revoked)

    # --- letting in -------------------------------------------------------------------------------------------

    def issue_device(self, device: str, nkey: str) -> str:
        """The JWT that lets the holder of user key `nkey` push as `device`; the key's seed never leaves the device.

        Raises CredentialFault: bad_name, for the broker itself would let a user named `*` write as everybody; bad_nkey.
        """
        if not is_device(device):
            raise CredentialFault("bad_name", f"{device!r} is no device: give the 16 characters that its key makes.")
        return self._issue(self._devices, nkey, device)

    def issue_reader(self, name: str, nkey: str, election: str, regency: str, days: int = READER_DAYS_MAX) -> str:
        """The JWT of an auditor's mirror, good for `days`: the events and the registry of one regency, and no persons.

        Its user is `reader-<name>`. Raises CredentialFault: bad_name, bad_nkey, bad_days.
        """
        user = reader_of(name)
        if not (_READER(user) and is_word(election) and is_regency(regency)):
            raise CredentialFault("bad_name", f"{name!r} is no name for a reader: use a word of a-z, 0-9, _ and -.")
        if not 1 <= days <= READER_DAYS_MAX:
            raise CredentialFault(
                "bad_days", f"A reader is let in for 1 to {READER_DAYS_MAX} days: give a number of them."
            )
        # A tag is in lower case, whatever it was made of: the scope has the rest of the stream's name.
        tags = [f"stream:{stream.removeprefix('ECOKLIT-')}" for stream in reader_streams(election, regency)]
        return self._issue(self._readers, nkey, user, tags, int(self._now()) + days * _DAY_SECONDS)

    def _issue(
        self, signer: BrokerKey, nkey: str, user: str, tags: Collection[str] = (), until: int | None = None
    ) -> str:
        if not is_user_key(nkey) or nkey == self._service.public:
            raise CredentialFault(
                "bad_nkey", "That is no user key of NATS: make one on the device, and give its public half."
            )
        return self._user(signer, nkey, user, tags, until)

    def _user(
        self, signer: BrokerKey, nkey: str, user: str, tags: Collection[str] = (), until: int | None = None
    ) -> str:
        # No permissions of its own: the server refuses a user of a scoped key that brings any.
        said = {"type": "user", "issuer_account": self.account, **({"tags": list(tags)} if tags else {})}
        return claims(signer, nkey, user, said, int(self._now()), until)

    # --- shutting out -----------------------------------------------------------------------------------------

    def revoke(self, nkeys: Collection[str]) -> bool:
        """Shut these users out, with every credential issued to them until now; whether anything is new by that.

        Durable on return, but the broker knows it only when it gets `account_claims`.
        """
        # The service's own key is never shut out, whoever names it as a device's.
        fresh = sorted({nkey for nkey in nkeys if is_user_key(nkey)} - self._revoked.keys() - {self._service.public})
        if fresh:
            self._revoked |= dict.fromkeys(fresh, int(self._now()))
            self._write_state()
        return bool(fresh)

    # --- what the broker is told ------------------------------------------------------------------------------

    def operator_claims(self) -> str:
        said = {"type": "operator", "system_account": self.system}
        return claims(self._operator, self.operator, "ecoklit", said, int(self._now()))

    def system_claims(self) -> str:
        said = {"type": "account", "limits": _LIMITS}
        return claims(self._operator, self.system, "SYS", said, int(self._now()))

    def account_claims(self) -> str:
        """The account, its scopes and who is shut out. Each is later than the one before: a broker keeps the latest."""
        self._issued = max(int(self._now()), self._issued + 1)
        self._write_state()
        scopes = [
            {"kind": "user_scope", "key": key.public, "role": role, "template": template}
            for key, role, template in (
                (self._devices, "device", _DEVICES),
                (self._services, SERVICE, _SERVICES),
                (self._readers, "reader", _READERS),
                (self._erasers, ERASER, _ERASERS),
            )
        ]
        said: dict[str, Any] = {"type": "account", "limits": {**_LIMITS, **_STREAMS}, "signing_keys": scopes}
        if self._revoked:
            said["revocations"] = self._revoked
        return claims(self._operator, self.account, "ecoklit", said, self._issued)

    def system_credentials(self) -> str:
        """Credentials, in memory only, of a user that may tell the broker new account claims and nothing else."""
        user = BrokerKey.fresh(USER)
        said = {
            "type": "user",
            "pub": {"allow": ["$SYS.REQ.CLAIMS.UPDATE"]},
            "sub": {"allow": [inbox_of("claims") + ".>"]},
            **_UNBOUNDED,
        }
        return credentials(claims(self._system, user.public, "claims", said, int(self._now())), user)

    def eraser_credentials(self, election: str, regency: str) -> str:
        """Credentials, in memory only, of a user that may delete from one regency's stream of persons, for an hour."""
        user = BrokerKey.fresh(USER)
        tags = [f"stream:{election}-{regency}-persons"]
        until = int(self._now()) + ERASER_SECONDS_MAX
        return credentials(self._user(self._erasers, user.public, ERASER, tags, until), user)

    # --- the folder -------------------------------------------------------------------------------------------

    def _key(self, name: str, kind: int) -> BrokerKey:
        path = self._folder / f"{name}.nk"
        if not path.exists():
            _write(path, BrokerKey.fresh(kind).seed + "\n")
        return BrokerKey(path.read_text())

    def _read_state(self) -> tuple[int, dict[str, int]]:
        path = self._folder / STATE_FILE
        if not path.exists():
            return 0, {}
        try:
            state = json.loads(path.read_bytes())
            return int(state["issued"]), {str(nkey): int(at) for nkey, at in state["revoked"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CredentialFault(
                "bad_credentials", f"{path} cannot be read, and says who is shut out: restore it from the backup."
            ) from None

    def _write_state(self) -> None:
        _write(self._folder / STATE_FILE, json.dumps({"issued": self._issued, "revoked": self._revoked}) + "\n")


def _write(path: Path, text: str) -> None:
    """Replace `path` as a whole, for its owner alone; on the disk on return."""
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
