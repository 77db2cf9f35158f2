"""Signing in: a password and a one-time code, or an office's own provider, for a token that soon ends.

Whoever is refused learns neither what was wrong nor from how long it took; each attempt counts before it is looked at,
so that many at once are no way around the count. A lock is of a login from one address first: nobody can keep an
officer out from elsewhere before a hundred failures.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final, NamedTuple

from ecoklit.core import ids
from ecoklit.core.one_time_code import matching_step
from ecoklit.errors import EcoklitError
from ecoklit.limits import (
    ATTEMPTS_PER_ADDRESS,
    FAILURES_PER_ADDRESS,
    FAILURES_PER_LOGIN,
    FAILURES_PER_LOGIN_AND_ADDRESS,
    LOCK_SECONDS,
    LOT,
    READINGS_PER_ACCOUNT,
    SESSION_IDLE_SECONDS_MAX,
    SESSION_SECONDS_MAX,
    SESSIONS_PER_ACCOUNT_MAX,
    SIGN_IN_CHARACTERS_MAX,
    Rate,
)
from ecoklit.ports import Account, AccountStore, Failing, Passwords, Session
from ecoklit.problems import ProblemError, retry_after
from ecoklit.services.accounts import PASSWORD_CHARACTERS, CodeSecrets, token_mark, viewer_of
from ecoklit.services.viewer import Viewer

BROWSER: Final = "browser"
PROGRAM: Final = "program"
TOKEN_BYTES: Final = 32


class Attempt(NamedTuple):
    """Somebody at the door, who comes from `address` (None: this machine)."""

    login: str
    password: str
    code: str
    address: str | None


class Opened(NamedTuple):
    """A session that was opened. The token is shown once: here."""

    token: str
    viewer: Viewer
    ends_at: datetime


class Signed(NamedTuple):
    """Who asks, by an open session."""

    viewer: Viewer
    session: Session


class Sessions:
    """Lets accounts in and out. `chance` gives so many random bytes, `now` Unix seconds."""

    def __init__(
        self,
        store: AccountStore,
        passwords: Passwords,
        secrets: CodeSecrets,
        chance: Callable[[int], bytes],
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._secrets = secrets
        self._chance = chance
        self._now = now
        self._lots: dict[str, float] = {}

    async def sign_in(self, attempt: Attempt, kind: str) -> Opened:
        """Open a session. Raises ProblemError not_signed_in, locked_out, too_many, service_busy."""
        return await self.open(await self.confirm(attempt), kind)

    async def confirm(self, attempt: Attempt) -> Account:
        """The account whose password and code these are; each code is good once. Raises as `sign_in`."""
        address = attempt.address or "local"
        await self._demand_turn(f"sign-in {address}", 1, ATTEMPTS_PER_ADDRESS)
        account = await self._store.by_login(attempt.login[:SIGN_IN_CHARACTERS_MAX].lower())
        # What is no login may be a number, or a password that was typed in the wrong place: it is kept nowhere.
        login = account.login if account is not None else f"#{token_mark(attempt.login).hex()[:16]}"
        failing = [
            Failing(f"login:{login} {address}", FAILURES_PER_LOGIN_AND_ADDRESS, LOCK_SECONDS),
            Failing(f"address:{address}", FAILURES_PER_ADDRESS, LOCK_SECONDS),
            Failing(f"login:{login}", FAILURES_PER_LOGIN, LOCK_SECONDS),
        ]
        if (wait := await self._store.attempt(failing)) > 0:
            raise ProblemError(
                "locked_out",
                HTTPStatus.TOO_MANY_REQUESTS,
                "Too many sign-ins failed: wait for Retry-After, or ask the office to unlock the account.",
                retry_after(wait),
            )
        if not await self._is_right(account, attempt) or account is None:
            raise not_signed_in("Login, password and code do not go together: check all three, and use a new code.")
        await self._store.succeed([one.scope for one in failing])
        return account

    async def open(self, account: Account, kind: str) -> Opened:
        """Open a session for whoever has proved to be the account. Raises ProblemError not_signed_in when closed."""
        if account.closed_at is not None:
            raise not_signed_in("This account is closed: ask the office for another.")
        token = ids.to_base64url(self._chance(TOKEN_BYTES))
        ends_at = await self._store.open(
            account.account, kind, token_mark(token), SESSION_SECONDS_MAX, SESSIONS_PER_ACCOUNT_MAX
        )
        return Opened(token, viewer_of(account), ends_at)

    async def who(self, token: str) -> Signed:
        """Whose token it is. Raises ProblemError not_signed_in, too_many."""
        session = await self._store.session(token_mark(token[:SIGN_IN_CHARACTERS_MAX]), SESSION_IDLE_SECONDS_MAX)
        if session is None:
            raise not_signed_in("The session is over or unknown: sign in again.")
        await self._spend(session.account.account)
        return Signed(viewer_of(session.account), session)

    async def sign_out(self, session: Session) -> None:
        await self._store.end(session.mark)

    async def sign_out_everywhere(self, viewer: Viewer) -> int:
        return await self._store.end_all(viewer.account)

    async def own(self, viewer: Viewer) -> list[Session]:
        """The account's open sessions, the latest first."""
        return [one for one in await self._store.sessions() if one.account.account == viewer.account]

    async def end_own(self, viewer: Viewer, name: str) -> None:
        """End the one of its sessions that `session_name` calls so. Raises EcoklitError not_found."""
        for one in await self.own(viewer):
            if session_name(one) == name:
                await self._store.end(one.mark)
                return
        raise EcoklitError("not_found", "No open session of this account has this name: see GET /v1/sessions.")

    async def _is_right(self, account: Account | None, attempt: Attempt) -> bool:
        is_open = account is not None and account.closed_at is None
        hashed = account.password if account is not None and is_open else None
        text = unicodedata.normalize("NFC", attempt.password[: 4 * PASSWORD_CHARACTERS[1]])
        if not await self._passwords.matches(hashed, text) or account is None or account.totp is None:
            return False
        secret = self._secrets.opened(account.totp, account.login)
        step = matching_step(secret, attempt.code[:SIGN_IN_CHARACTERS_MAX], self._now())
        return step is not None and await self._store.use_step(account.account, step)

    async def _spend(self, account: str) -> None:
        """One reading of the account's rate, out of a lot that this process took from the bucket they all share."""
        if self._lots.get(account, 0) < 1:
            await self._demand_turn(f"account {account}", LOT, READINGS_PER_ACCOUNT)
            self._lots[account] = self._lots.get(account, 0) + LOT
        self._lots[account] -= 1

    async def _demand_turn(self, key: str, cost: float, rate: Rate) -> None:
        wait = await self._store.take(key, cost, rate.burst, rate.per_second)
        if wait > 0:
            raise ProblemError(
                "too_many", HTTPStatus.TOO_MANY_REQUESTS, "Too many requests: wait for Retry-After.", retry_after(wait)
            )


def not_signed_in(message: str) -> ProblemError:
    challenge = {"WWW-Authenticate": 'Bearer realm="ecoklit"'}
    return ProblemError("not_signed_in", HTTPStatus.UNAUTHORIZED, message, challenge)


def session_name(session: Session) -> str:
    """What people call a session by: it opens nothing."""
    return session.mark.hex()[:16]


def forgery_mark(token: str) -> str:
    """What a page of ours says beside its cookie when it changes something: no other page can read or guess it."""
    return ids.to_base64url(ids.sha256(b"ecoklit-csrf-v1\n" + token.encode()))


def demand_own_page(token: str, said: str | None) -> None:
    """Raises EcoklitError forged_request unless a page of ours asks."""
    if said is None or not hmac.compare_digest(forgery_mark(token).encode(), said.encode("utf-8", "replace")):
        raise EcoklitError(
            "forged_request", "A browser's change needs the Ecoklit-CSRF header of its session: reload the page."
        )
