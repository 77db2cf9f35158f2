"""Accounts: who may have one, and on what terms."""

from __future__ import annotations

import re
import unicodedata
from base64 import b32encode
from collections.abc import Callable, Collection
from typing import Final
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ecoklit.core import ids
from ecoklit.core.one_time_code import SECRET_BYTES
from ecoklit.errors import EcoklitError
from ecoklit.ports import Account, AccountStore, NewAccount, Passwords
from ecoklit.services.guessing import is_easy
from ecoklit.services.viewer import Viewer, areas_of, rights_of

SHELL: Final = "shell"
"""Who has the service's own database, as the maker of an account."""
PASSWORD_CHARACTERS: Final = (15, 128)
PASSWORD_DISTINCT_MIN: Final = 5
SUBJECT_CHARACTERS_MAX: Final = 512
NONCE_BYTES: Final = 12
_LOGIN: Final = re.compile(r"(?![0-9]{16}$)[a-z0-9][a-z0-9._@-]{2,63}").fullmatch


class CodeSecrets:
    """The secrets of one-time codes, sealed under the service's own key, each for one login.

    `seed` gives the seed of that key, when it is first needed; `chance` gives so many random bytes.
    """

    def __init__(self, seed: Callable[[], bytes], chance: Callable[[int], bytes]) -> None:
        self._seed = seed
        self._chance = chance

    def fresh(self) -> bytes:
        return self._chance(SECRET_BYTES)

    def sealed(self, secret: bytes, login: str) -> bytes:
        nonce = self._chance(NONCE_BYTES)
        return nonce + self._key().encrypt(nonce, secret, login.encode())

    def opened(self, sealed: bytes, login: str) -> bytes:
        """Raises EcoklitError other_key when it was sealed by another service, or for another login."""
        try:
            return self._key().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], login.encode())
        except InvalidTag:
            raise EcoklitError(
                "other_key",
                f"The codes of {login} were set up under another key of the service: 'ecoklit account totp {login}'.",
            ) from None

    def _key(self) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(HKDF(SHA256(), 32, None, b"ecoklit-totp-v1").derive(self._seed()))


class Accounts:
    """Makes, changes and closes accounts. `is_stolen` says of a password that others have it already."""

    def __init__(
        self,
        store: AccountStore,
        passwords: Passwords,
        secrets: CodeSecrets,
        is_stolen: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._secrets = secrets
        self._is_stolen = is_stolen

    def demand_password(self, password: str, login: str) -> str:
        """The password in its one form. Raises EcoklitError bad_password."""
        text = demand_password(password, login)
        if self._is_stolen(text):
            raise EcoklitError("bad_password", "This password was stolen somewhere before: take five random words.")
        return text

    async def add(
        self,
        login: str,
        role: str,
        areas: Collection[str],
        rights: Collection[str],
        *,
        officer: str,
        password: str | None,
        subject: str | None,
        made_by: str = SHELL,
    ) -> tuple[Account, bytes | None]:
        """A new account, and the secret of its one-time codes: None for one that signs in at the office's provider.

        Raises EcoklitError bad_login, bad_account, bad_password, login_taken.
        """
        demand_login(login)
        own = areas_of(role, areas)
        rights_of(role, rights)
        if (password is None) == (subject is None):
            raise EcoklitError(
                "bad_account", "An account has a password, or a subject at a provider: give one of them."
            )
        if subject is not None and not (" " in subject and len(subject) <= SUBJECT_CHARACTERS_MAX):
            raise EcoklitError("bad_account", "A subject is 'ISSUER SUBJECT', as the provider gives both: mend it.")
        hashed = None if password is None else await self._passwords.hashed(self.demand_password(password, login))
        secret = None if password is None else self._secrets.fresh()
        sealed = None if secret is None else self._secrets.sealed(secret, login)
        made = await self._store.add(
            NewAccount(login, role, own, frozenset(rights), officer, hashed, sealed, subject, made_by)
        )
        return made, secret

    async def of(self, login: str) -> Account:
        """The open account with that login. Raises EcoklitError unknown_account."""
        found = await self._store.by_login(login)
        if found is None or found.closed_at is not None:
            raise EcoklitError("unknown_account", f"No open account has the login {login}: see 'ecoklit account list'.")
        return found

    async def close(self, login: str) -> None:
        await self._store.close((await self.of(login)).account)

    async def set_password(self, login: str, password: str) -> None:
        """Its sessions end. Raises EcoklitError unknown_account, bad_password, bad_account."""
        account = await self.of(login)
        if account.subject is not None:
            raise EcoklitError("bad_account", f"{login} signs in at its office's provider: change the password there.")
        text = self.demand_password(password, login)
        await self._store.set_password(account.account, await self._passwords.hashed(text))

    async def set_rights(self, login: str, rights: Collection[str]) -> Account:
        """Give it these rights beyond its role's, and no others. Raises EcoklitError unknown_account, bad_account."""
        account = await self.of(login)
        rights_of(account.role, rights)
        await self._store.set_rights(account.account, rights)
        return account._replace(rights=frozenset(rights))

    async def renew_codes(self, login: str) -> bytes:
        """A new secret for its one-time codes; the old one and its sessions end."""
        account = await self.of(login)
        if account.subject is not None:
            raise EcoklitError("bad_account", f"{login} signs in at its office's provider: its codes are set up there.")
        secret = self._secrets.fresh()
        await self._store.set_totp(account.account, self._secrets.sealed(secret, login))
        return secret


def viewer_of(account: Account) -> Viewer:
    return Viewer(account.account, account.login, account.role, account.areas, rights_of(account.role, account.rights))


def demand_login(login: str) -> None:
    if _LOGIN(login) is None:
        # It is not repeated: somebody may have put a number there.
        raise EcoklitError(
            "bad_login", "A login has 3 to 64 characters a-z, 0-9, . _ - @ and is no identity number: choose another."
        )


def demand_password(password: str, login: str) -> str:
    """The password in its one form (NFC). Raises EcoklitError bad_password."""
    text = unicodedata.normalize("NFC", password)
    least, most = PASSWORD_CHARACTERS
    if not least <= len(text) <= most:
        raise EcoklitError("bad_password", f"A password has {least} to {most} characters: five random words do well.")
    if len(set(text)) < PASSWORD_DISTINCT_MIN or login in text.lower() or not text.isprintable():
        raise EcoklitError(
            "bad_password", "The password is easy to guess, or has control characters: take five random words."
        )
    if is_easy(text, login):
        raise EcoklitError("bad_password", "The password is made of what everybody tries first: take random words.")
    return text


def enrolment_uri(secret: bytes, login: str, election: str) -> str:
    """What an authenticator app reads, as text or as a QR code. It is the secret itself."""
    issuer = quote(f"ecoklit {election}")
    return f"otpauth://totp/{issuer}:{quote(login)}?secret={b32encode(secret).decode()}&issuer={issuer}"


def token_mark(token: str) -> bytes:
    """By what a session's token is known: who reads the table can use none of them."""
    return ids.sha256(token.encode("utf-8", "replace"))
