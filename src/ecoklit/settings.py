"""Every setting, from the environment and nowhere else (docs/OPERATING.md lists the same).

`ecoklit up` leaves what it started in its data folder (`running.json`), `ecoklit init` and `join` the election
(`election.json`); the other commands find it there, so that on one machine nothing needs to be set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ecoklit.adapters.data_folder import read_election, read_epoch, read_running
from ecoklit.core.ids import is_word
from ecoklit.errors import EcoklitError

TOKEN_CHARACTERS_MIN = 20
"""Of a token that may be guessed at from anywhere."""

_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,47}").fullmatch
_REGENCY = re.compile(r"(?:1[1-9]|[2-9][0-9])[0-9]{2}").fullmatch


class BadSetting(EcoklitError):
    """A setting is missing or cannot be used; nothing was started."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_setting", message)


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """The office's own provider, where accounts with a subject sign in. `secret` is a file that holds one line."""

    issuer: str
    client: str
    redirect: str
    secret: Path | None
    acr: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the parts of one service are. A URL that is None was neither set nor found in the data folder."""

    data: Path
    election: str
    regency: str
    nats_url: str | None
    monitor_url: str | None
    database_url: str | None
    service_url: str | None
    host: str
    port: int
    epoch: int
    schema: str
    allow_unsafe: bool
    replicas: int = 1
    nats_creds: Path | None = None
    nats_keys: Path | None = None
    nats_port: int = 0
    websocket_port: int = 0
    websocket_url: str | None = None
    metrics_token: str | None = None
    stolen_passwords: Path | None = None
    oidc: OidcSettings | None = None

    def nats(self) -> str:
        return _needed("ECOKLIT_NATS_URL", self.nats_url)

    def database(self) -> str:
        return _needed("ECOKLIT_DATABASE_URL", self.database_url)


def read_settings(environ: Mapping[str, str], *, running: bool = True) -> Settings:
    """The settings that `environ` gives; with `running`, what an `ecoklit up` in the data folder left fills the gaps.

    Raises BadSetting, which names the variable.
    """
    data = Path(environ.get("ECOKLIT_DATA") or ".ecoklit")
    found = {**read_election(data), **read_epoch(data), **(read_running(data) if running else {})}

    def value(name: str, key: str) -> str | None:
        return environ.get(name) or found.get(key) or None

    own_broker = not environ.get("ECOKLIT_NATS_URL")

    def url(name: str, key: str, *schemes: str) -> str | None:
        return _url(name, value(name, key), schemes)

    return Settings(
        data=data,
        election=_election(value("ECOKLIT_ELECTION", "election") or "pilkada-2024"),
        regency=_regency(value("ECOKLIT_REGENCY", "regency") or "9404"),
        nats_url=url("ECOKLIT_NATS_URL", "nats_url", "nats", "tls"),
        monitor_url=url("ECOKLIT_NATS_MONITOR_URL", "monitor_url", "http", "https"),
        database_url=url("ECOKLIT_DATABASE_URL", "database_url", "postgresql", "postgres"),
        service_url=url("ECOKLIT_SERVICE_URL", "service_url", "http", "https"),
        host=environ.get("ECOKLIT_HOST") or "127.0.0.1",
        port=_port("ECOKLIT_PORT", environ.get("ECOKLIT_PORT") or "8484"),
        schema=_schema(environ.get("ECOKLIT_SCHEMA") or "ecoklit"),
        replicas=_replicas(environ.get("ECOKLIT_NATS_REPLICAS") or "1"),
        epoch=_epoch(value("ECOKLIT_EPOCH", "epoch") or "1"),
        allow_unsafe=environ.get("ECOKLIT_ALLOW_UNSAFE") == "1",
        # The credentials in the data folder are those of its own broker, and not for any other.
        nats_creds=_file("ECOKLIT_NATS_CREDS", value("ECOKLIT_NATS_CREDS", "nats_creds" if own_broker else "")),
        nats_keys=_folder("ECOKLIT_NATS_KEYS", environ.get("ECOKLIT_NATS_KEYS")),
        nats_port=_port("ECOKLIT_NATS_PORT", environ.get("ECOKLIT_NATS_PORT") or "0"),
        websocket_port=_port("ECOKLIT_WEBSOCKET_PORT", environ.get("ECOKLIT_WEBSOCKET_PORT") or "0"),
        metrics_token=_token("ECOKLIT_METRICS_TOKEN", environ.get("ECOKLIT_METRICS_TOKEN")),
        stolen_passwords=_file("ECOKLIT_STOLEN_PASSWORDS", environ.get("ECOKLIT_STOLEN_PASSWORDS") or None),
        oidc=_oidc(environ),
    )


def _oidc(environ: Mapping[str, str]) -> OidcSettings | None:
    issuer = _url("ECOKLIT_OIDC_ISSUER", environ.get("ECOKLIT_OIDC_ISSUER") or None, ("https", "http"))
    if issuer is None:
        return None
    client = environ.get("ECOKLIT_OIDC_CLIENT") or None
    redirect = _url("ECOKLIT_OIDC_REDIRECT", environ.get("ECOKLIT_OIDC_REDIRECT") or None, ("https", "http"))
    if client is None or redirect is None:
        raise BadSetting(
            "ECOKLIT_OIDC_ISSUER needs ECOKLIT_OIDC_CLIENT and ECOKLIT_OIDC_REDIRECT beside it: set what the "
            "provider's administrator gave you, or none of the three."
        )
    return OidcSettings(
        issuer=issuer,
        client=client,
        redirect=redirect,
        secret=_file("ECOKLIT_OIDC_SECRET", environ.get("ECOKLIT_OIDC_SECRET") or None),
        acr=environ.get("ECOKLIT_OIDC_ACR") or None,
    )


def _needed(name: str, url: str | None) -> str:
    if url is None:
        raise BadSetting(f"{name} is not set: set it, or start 'ecoklit up' in this folder first.")
    return url


def _election(text: str) -> str:
    if not is_word(text):
        raise BadSetting("ECOKLIT_ELECTION must be a word of a-z, 0-9, _ and -, such as pilkada-2024: set it again.")
    return text


def _regency(text: str) -> str:
    digits = text.replace(".", "")
    if _REGENCY(digits) is None:
        raise BadSetting("ECOKLIT_REGENCY must be the code of one regency, such as 94.04: set it again.")
    return digits


def _url(name: str, text: str | None, schemes: tuple[str, ...]) -> str | None:
    if text is not None and urlsplit(text).scheme not in schemes:
        # The value may hold a password, so it is not repeated.
        raise BadSetting(f"{name} must begin with {schemes[0]}:// : set it again.")
    return text


def _port(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise BadSetting(f"{name} must be a number from 0 (any free port) to 65535: set it again.")
    return int(text)


def _file(name: str, text: str | None) -> Path | None:
    if text is not None and not Path(text).is_file():
        raise BadSetting(f"{name} names no file: set it to one that is there, as whoever issued it gave it.")
    return Path(text) if text else None


def _folder(name: str, text: str | None) -> Path | None:
    if text and not Path(text).is_dir():
        raise BadSetting(f"{name} names no folder: set it to the folder of the broker's keys.")
    return Path(text) if text else None


def _token(name: str, text: str | None) -> str | None:
    if text and not (text.isascii() and text.isprintable() and len(text) >= TOKEN_CHARACTERS_MIN):
        raise BadSetting(f"{name} must have at least {TOKEN_CHARACTERS_MIN} characters of ASCII: set it again.")
    return text or None


def _schema(text: str) -> str:
    if _SCHEMA(text) is None:
        raise BadSetting("ECOKLIT_SCHEMA must be a name of a-z, 0-9 and _, at most 48 long: set it again.")
    return text


def _replicas(text: str) -> int:
    if text not in ("1", "3", "5"):
        raise BadSetting("ECOKLIT_NATS_REPLICAS must be 1, 3 or 5, as many as the broker has nodes: set it again.")
    return int(text)


def _epoch(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise BadSetting(
            "ECOKLIT_EPOCH must be a number from 1, raised by one when a journal is restored: set it again."
        )
    return int(text)
