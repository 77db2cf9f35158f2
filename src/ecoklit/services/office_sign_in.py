"""Signing in at the office's own provider: an attempt begins here, goes there, and comes back to the same browser once.

Nobody gets an account by it: whom the provider vouches for was given one before, by its subject.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, TypeVar

from ecoklit.ports import IdentityProvider, OidcRefused, SignIn, SignIns

SIGN_IN_SECONDS: Final = 600
"""How long an attempt may take: somebody types a password and a code at the provider."""
_CHANCE_BYTES: Final = 32

Account = TypeVar("Account")


class Begun(NamedTuple):
    """Where the browser goes, and what it keeps meanwhile, in a cookie that no script reads."""

    address: str
    browser: str


async def begin(provider: IdentityProvider, sign_ins: SignIns) -> Begun:
    """Begin an attempt. Raises OidcUnavailable, and OidcRefused when the provider is not what the settings say."""
    attempt = SignIn(*(secrets.token_urlsafe(_CHANCE_BYTES) for _ in SignIn._fields))
    address = await provider.address(attempt)
    await sign_ins.keep(attempt, SIGN_IN_SECONDS)
    return Begun(address, attempt.browser)


async def finish(
    provider: IdentityProvider,
    sign_ins: SignIns,
    account_of: Callable[[str], Awaitable[Account | None]],
    browser: str,
    answer: Mapping[str, str],
) -> Account:
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
