"""Accounts of made-up people who have signed in, for tests that ask as somebody."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from typing import NamedTuple

from ecoklit.core import ids
from ecoklit.core.one_time_code import code_at, step_of
from ecoklit.limits import SESSION_SECONDS_MAX, SESSIONS_PER_ACCOUNT_MAX
from ecoklit.ports import Account, AccountStore, NewAccount
from ecoklit.services.accounts import token_mark
from ecoklit.services.sign_in import PROGRAM

MOMENT_SECONDS = 10
"""How long an answer may take: a code is not given that would end meanwhile."""


class App:
    """An authenticator app, whose owner types each code once."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.step = 0

    def code(self) -> str:
        """The oldest code that was not used and stays good for a moment; waits for it when it is too early."""
        self.step = max(self.step + 1, step_of(time.time() + MOMENT_SECONDS) - 1)
        while self.step > step_of(time.time()) + 1:
            time.sleep(0.1)
        return code_at(self.secret, self.step)


class SignedIn(NamedTuple):
    """An account with an open session, and the headers that it asks with."""

    account: Account
    token: str
    headers: dict[str, str]


async def signed_in(
    store: AccountStore, *areas: str, role: str = "kpu", rights: Collection[str] = (), login: str = ""
) -> SignedIn:
    """A new account with a program's session. It has no password: nobody can sign in as it by themselves."""
    login = login or f"{role}-{secrets.token_hex(6)}"
    account = await store.add(
        NewAccount(login, role, areas or ("9404",), frozenset(rights), "o-1", None, None, f"made-up {login}", "shell")
    )
    token = ids.to_base64url(secrets.token_bytes(32))
    await store.open(account.account, PROGRAM, token_mark(token), SESSION_SECONDS_MAX, SESSIONS_PER_ACCOUNT_MAX)
    return SignedIn(account, token, {"Authorization": f"Bearer {token}"})
