"""Accounts, their sessions, and the log of what people were shown."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ecoklit.adapters.argon2_passwords import Argon2Passwords
from ecoklit.adapters.oidc import OidcClient, OidcProvider
from ecoklit.adapters.postgres_accounts import PostgresOfficeDesk
from ecoklit.adapters.postgres_requests import PostgresRequests
from ecoklit.adapters.postgres_sign_ins import PostgresSignIns
from ecoklit.adapters.stolen_passwords import StolenPasswords
from ecoklit.bootstrap.office import service_key, shared_secret
from ecoklit.ports import AccountStore, Reading
from ecoklit.services.accounts import Accounts, CodeSecrets
from ecoklit.services.administration import Administration
from ecoklit.services.approvals import Approvals
from ecoklit.services.cursors import Cursors
from ecoklit.services.office_sign_in import OfficeSignIn
from ecoklit.services.read_log import Ledger
from ecoklit.services.readings import Readings
from ecoklit.services.sign_in import Sessions
from ecoklit.settings import Settings


@dataclass(frozen=True)
class People:
    """Accounts, their sessions, and what they were shown."""

    store: PostgresOfficeDesk
    accounts: Accounts
    sessions: Sessions
    ledger: Ledger


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncIterator[People]:
    """The accounts beside the settings' projection."""
    code_secrets = CodeSecrets(lambda: service_key(settings)().seed, secrets.token_bytes)
    passwords = Argon2Passwords()
    listed = settings.stolen_passwords
    is_stolen = (lambda _: False) if listed is None else StolenPasswords(listed).has
    async with PostgresOfficeDesk(settings.database(), schema=settings.schema) as store:
        ledger = Ledger(store)
        try:
            yield People(
                store,
                Accounts(store, passwords, code_secrets, is_stolen),
                Sessions(store, passwords, code_secrets, secrets.token_bytes, time.time),
                ledger,
            )
        finally:
            await ledger.close()
            passwords.close()


@asynccontextmanager
async def open_requests(settings: Settings) -> AsyncIterator[PostgresRequests]:
    """Requests of voters, and who was shown what, beside the settings' projection."""
    async with PostgresRequests.open(settings.database(), schema=settings.schema) as requests:
        yield requests


async def log_at_the_shell(
    settings: Settings,
    action: str,
    *,
    area: str | None = None,
    voter: str | None = None,
    rows: int,
    as_of: int,
    fields: tuple[str, ...] = (),
    reason: str | None = None,
) -> None:
    """Write down what somebody with the service's own database is about to be shown: durable on return."""
    reading = Reading(None, action, area, voter, rows, fields, reason, as_of, "shell", within="", budget=0)
    async with PostgresOfficeDesk(settings.database(), schema=settings.schema) as store:
        await store.write([reading])


def make_administration(people: People) -> Administration:
    """Acts on accounts by accounts."""
    return Administration(people.accounts, people.store, Approvals(people.store), people.ledger)


def make_readings(settings: Settings, people: People) -> Readings:
    """The read log for auditors and the office."""
    return Readings(people.store, Cursors(shared_secret(settings)), people.ledger)


def make_office_sign_in(settings: Settings, store: AccountStore) -> OfficeSignIn | None:
    """Signing in at the settings' own provider; None without one."""
    if settings.oidc is None:
        return None
    given = settings.oidc
    client = OidcClient(
        issuer=given.issuer,
        client_id=given.client,
        redirect_uri=given.redirect,
        client_secret=None if given.secret is None else given.secret.read_text().strip(),
        acr=given.acr,
    )
    sign_ins = PostgresSignIns(settings.database(), schema=settings.schema)
    return OfficeSignIn(OidcProvider(client), sign_ins, store)
