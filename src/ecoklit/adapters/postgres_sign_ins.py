"""Sign-ins that have begun, in the schema of the office: `ports.SignIns` for every process of the service."""

from __future__ import annotations

from typing import Final

from ecoklit.adapters.postgres_connection import open_connection, translated
from ecoklit.adapters.postgres_schema import DEFAULT_SCHEMA, office_of
from ecoklit.core import ids
from ecoklit.ports import SignIn

# What the browser and the provider hold is kept as a hash: whoever reads the table can finish nobody's sign-in.
_KEEP: Final = """
with old as (delete from sign_in where ends_at < now())
insert into sign_in (state, browser, nonce, verifier, ends_at)
values ($1, $2, $3, $4, now() + make_interval(secs => $5))
"""
_TAKE: Final = """
with taken as (delete from sign_in where state = $1 returning browser, nonce, verifier, ends_at)
select nonce, verifier from taken where browser = $2 and ends_at > now()
"""


class PostgresSignIns:
    """`ports.SignIns` beside the projection in `schema`."""

    def __init__(self, dsn: str, *, schema: str = DEFAULT_SCHEMA) -> None:
        self._dsn = dsn
        self._office = office_of(schema)

    async def keep(self, sign_in: SignIn, seconds: int) -> None:
        hashes = ids.sha256(sign_in.state.encode()), ids.sha256(sign_in.browser.encode())
        await self._fetch(_KEEP, *hashes, sign_in.nonce, sign_in.verifier, float(seconds))

    async def take(self, state: str, browser: str) -> SignIn | None:
        rows = await self._fetch(_TAKE, ids.sha256(state.encode()), ids.sha256(browser.encode()))
        return SignIn(state, rows[0]["nonce"], rows[0]["verifier"], browser) if rows else None

    async def _fetch(self, statement: str, *arguments: object) -> list[dict[str, str]]:
        connection = await open_connection(self._dsn, search_path=self._office)
        try:
            with translated():
                return [dict(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()
