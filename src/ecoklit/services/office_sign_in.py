"""Signing in at the office's own provider: an attempt begins here, goes there, and comes back to the same browser once.

Nobody gets an account by it: whom the provider vouches for was given one before, by its subject.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple, TypeVar

from ecoklit.limits import ATTEMPTS_PER_ADDRESS
from ecoklit.ports import Account, AccountStore, IdentityProvider, OidcRefused, SignIn, SignIns
from ecoklit.problems import ProblemError, retry_after

SIGN_IN_SECONDS: Final = 600
"""How long an attempt may take: somebody types a password and a code at the provider."""
_CHANCE_BYTES: Final = 32

Found = TypeVar("Found")


class Begun(NamedTuple):
    """Where the browser goes, and what it keeps meanwhile, in a cookie that no script reads."""

    address: str
    browser: str


class OfficeSignIn:
    """The office's provider, for the accounts of `store` that have a subject there."""

    def __init__(self, provider: IdentityProvider, sign_ins: SignIns, store: AccountStore) -> None:
        self._provider = provider
        self._sign_ins = sign_ins
        self._store = store

    async def begin(self, address: str | None) -> Begun:
        """As `begin`, for a browser at `address` (None: this machine). Raises ProblemError too_many as well."""
        key = f"sign-in {address or 'local'}"  # with those by password: one rate for both ways in
        wait = await self._store.take(key, 1, ATTEMPTS_PER_ADDRESS.burst, ATTEMPTS_PER_ADDRESS.per_second)
        if wait > 0:
            raise ProblemError(
                "too_many", HTTPStatus.TOO_MANY_REQUESTS, "Too many requests: wait for Retry-After.", retry_after(wait)
            )
        return await begin(self._provider, self._sign_ins)

    async def finish(self, browser: str, answer: Mapping[str, str]) -> Account:
        """As `finish`, with the accounts of the store."""
        return await finish(self._provider, self._sign_ins, self._store.by_subject, browser, answer)


async def begin(provider: IdentityProvider, sign_ins: SignIns) -> Begun:
    """Begin an attempt. Raises OidcUnavailable, and OidcRefused when the provider is not what the settings say."""
    attempt = SignIn(*(secrets.token_urlsafe(_CHANCE_BYTES) for _ in SignIn._fields))
    address = await provider.address(attempt)
    await sign_ins.keep(attempt, SIGN_IN_SECONDS)
    return Begun(address, attempt.browser)


async def finish(
    provider: IdentityProvider,
    sign_ins: SignIns,
    account_of: Callable[[str], Awaitable[Found | None]],
    browser: str,
    answer: Mapping[str, str],
) -> Found:
    """The open account of whom the provider vouches for, in its `answer` to the attempt that `browser` began.

    `account_of` finds an open account by its subject. Raises OidcRefused: `oidc_state` when there is no such attempt,
    `oidc_no_account`, and what the provider raises.
    """
    # Taken before anything is asked: an answer that is sent twice finds no attempt the second time.
    attempt = await sign_ins.take(answer.get("state", ""), browser)
    if attempt is None:
        raise OidcRefused("oidc_state", "No sign-in of this browser waits for this answer")
    identity = await provider.identity(attempt, answer)
    account = await account_of(identity.subject)
    if account is None:
        raise OidcRefused("oidc_no_account", "The office's provider knows this person, and no account here is theirs")
    return account
