"""Accounts of made-up people who have signed in, for tests that ask as somebody."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import NamedTuple

from ecoklit.core import ids
from ecoklit.limits import SESSION_SECONDS_MAX
from ecoklit.ports import Account, AccountStore, NewAccount
from ecoklit.services.accounts import token_mark
from ecoklit.services.sign_in import PROGRAM


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
    await store.open(account.account, PROGRAM, token_mark(token), SESSION_SECONDS_MAX)
    return SignedIn(account, token, {"Authorization": f"Bearer {token}"})
