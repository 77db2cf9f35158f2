"""Other people's accounts, for who has the right `accounts`: what `ecoklit account` does, within one's own areas."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, post, put
from litestar.params import JSONBody, Parameter

from ecoklit.http.accounts import AT, PROBLEMS, TEXT, AnyRequest, By, OurHouse, OwnSession, answers, session_shown
from ecoklit.http.accounts import SESSION as ONE_SESSION
from ecoklit.ports import Account
from ecoklit.services.accounts import enrolment_uri
from ecoklit.services.administration import Asking, Wanted
from ecoklit.services.viewer import ACCOUNTS, AREAS_MAX, RIGHTS, rights_of

ONE: Final = {
    "login": "rina", "role": "ppk", "areas": ["940401"], "rights": ["decide", "export"], "officer": "ppk-04",
    "subject": None, "made_by": "siti", "made_at": AT, "closed_at": None,
}  # fmt: skip
URI: Final = "otpauth://totp/ecoklit%20pilkada-2024:rina?secret=…&issuer=ecoklit%20pilkada-2024"
STATUSES: Final = (404, 409)
Login = Annotated[
    str, Parameter(description="The account's login", max_length=64, schema_extra={"pattern": "^.{3,64}$"})
]


class AccountBody(msgspec.Struct, forbid_unknown_fields=True):
    """An account to be made. It has a `password`, which its person changes on the first day, or a `subject` ("ISSUER
    SUBJECT") at the office's own provider. `rights` are those beyond its role's; `officer` is the login unless given.
    """

    login: Annotated[str, TEXT]
    role: Annotated[str, TEXT]
    areas: Annotated[list[Annotated[str, msgspec.Meta(max_length=32)]], msgspec.Meta(max_length=AREAS_MAX)]
    rights: Annotated[list[Annotated[str, TEXT]], msgspec.Meta(max_length=len(RIGHTS))] = []
    officer: Annotated[str, msgspec.Meta(max_length=64)] = ""
    password: Annotated[str, TEXT] | None = None
    subject: Annotated[str, TEXT] | None = None


class NewPasswordBody(msgspec.Struct, forbid_unknown_fields=True):
    """The account's new password."""

    password: Annotated[str, TEXT]


class RightsBody(msgspec.Struct, forbid_unknown_fields=True):
    """All rights that the account is to have beyond its role's."""

    rights: Annotated[list[Annotated[str, TEXT]], msgspec.Meta(max_length=len(RIGHTS))]


class AccountShown(msgspec.Struct):
    """An account; `rights` are its role's too. `closed_at` is null while it is open."""

    login: str
    role: str
    areas: list[str]
    rights: list[str]
    officer: str
    subject: str | None
    made_by: str
    made_at: datetime
    closed_at: datetime | None


class AccountMade(AccountShown, kw_only=True):
    """A new account. `totp` is what an authenticator app reads, as text or QR code, and is shown once; null with a
    subject.
    """

    totp: str | None


class Codes(msgspec.Struct):
    """What an authenticator app reads, as text or QR code; shown once."""

    totp: str


class Count(msgspec.Struct):
    """How many sessions were ended, or locks opened."""

    count: int


@get("/v1/accounts", audience=ACCOUNTS, summary="Accounts", responses=answers(list[AccountShown], [ONE]))
async def accounts(house: OurHouse, viewer: By) -> list[AccountShown]:
    """The accounts whose areas lie within one's own, by login; closed ones too."""
    return [AccountShown(**_said(one)) for one in await house.administration.accounts(viewer)]


@post(
    "/v1/accounts",
    audience=ACCOUNTS,
    status_code=201,
    summary="Make an account",
    responses=answers(AccountMade, ONE | {"totp": URI}, 409, success=201),
)
async def add(request: AnyRequest, house: OurHouse, viewer: By, data: JSONBody[AccountBody]) -> AccountMade:
    """Make an account within one's own areas and rights. One with unmask, approve or accounts takes a second person."""
    wanted = Wanted(
        data.login,
        data.role,
        tuple(area.replace(".", "") for area in data.areas),
        tuple(data.rights),
        data.officer or data.login,
        data.password,
        data.subject,
    )
    made, secret = await house.administration.add(_asking(request, viewer), wanted)
    uri = None if secret is None else enrolment_uri(secret, made.login, house.settings.election)
    return AccountMade(**_said(made), totp=uri)


@delete(
    "/v1/accounts/{login:str}",
    audience=ACCOUNTS,
    status_code=204,
    summary="Close an account",
    responses={status: PROBLEMS[status] for status in (400, 401, 403, 429, 503, *STATUSES)},
)
async def close(request: AnyRequest, house: OurHouse, viewer: By, login: Login) -> None:
    """Close it: its sessions end, its SQL login sees nothing, and its login is not given again."""
    await house.administration.close(_asking(request, viewer), login)


@put(
    "/v1/accounts/{login:str}/password",
    audience=ACCOUNTS,
    status_code=204,
    summary="Another password of an account",
    responses={status: PROBLEMS[status] for status in (400, 401, 403, 429, 503, *STATUSES)},
)
async def set_password(
    request: AnyRequest, house: OurHouse, viewer: By, login: Login, data: JSONBody[NewPasswordBody]
) -> None:
    """Give it another password; its sessions end. With unmask, approve or accounts it takes two."""
    await house.administration.set_password(_asking(request, viewer), login, data.password)


@post(
    "/v1/accounts/{login:str}/totp",
    audience=ACCOUNTS,
    status_code=200,
    summary="New one-time codes of an account",
    responses=answers(Codes, {"totp": URI}, *STATUSES),
)
async def renew_codes(request: AnyRequest, house: OurHouse, viewer: By, login: Login) -> Codes:
    """Give it new one-time codes; its sessions end. With unmask, approve or accounts it takes two."""
    secret = await house.administration.renew_codes(_asking(request, viewer), login)
    return Codes(enrolment_uri(secret, login, house.settings.election))


@put(
    "/v1/accounts/{login:str}/rights",
    audience=ACCOUNTS,
    status_code=200,
    summary="Rights of an account",
    responses=answers(AccountShown, ONE, *STATUSES),
)
async def set_rights(
    request: AnyRequest, house: OurHouse, viewer: By, login: Login, data: JSONBody[RightsBody]
) -> AccountShown:
    """Give it these rights beyond its role's and no others. Giving unmask, approve or accounts takes two."""
    return AccountShown(**_said(await house.administration.set_rights(_asking(request, viewer), login, data.rights)))


@get(
    "/v1/accounts/{login:str}/sessions",
    audience=ACCOUNTS,
    summary="Sessions of an account",
    responses=answers(list[OwnSession], [ONE_SESSION | {"is_this": False}], 404),
)
async def sessions(house: OurHouse, viewer: By, login: Login) -> list[OwnSession]:
    """Its open sessions, the latest first."""
    return [session_shown(one) for one in await house.administration.sessions(viewer, login)]


@delete(
    "/v1/accounts/{login:str}/sessions",
    audience=ACCOUNTS,
    status_code=200,
    summary="End the sessions of an account",
    responses=answers(Count, {"count": 2}, *STATUSES),
)
async def revoke(request: AnyRequest, house: OurHouse, viewer: By, login: Login) -> Count:
    """End all of its sessions."""
    return Count(await house.administration.revoke(_asking(request, viewer), login))


@delete(
    "/v1/accounts/{login:str}/locks",
    audience=ACCOUNTS,
    status_code=200,
    summary="Open the locks of an account",
    responses=answers(Count, {"count": 1}, *STATUSES),
)
async def unlock(request: AnyRequest, house: OurHouse, viewer: By, login: Login) -> Count:
    """Let it sign in again after too many failures. A lock of its reading is opened by a second person alone."""
    return Count(await house.administration.unlock(_asking(request, viewer), login))


def _asking(request: AnyRequest, viewer: By) -> Asking:
    return Asking(viewer, request.state.request)


def _said(account: Account) -> dict[str, Any]:
    names = ("login", "role", "officer", "subject", "made_by", "made_at", "closed_at")
    said = {name: getattr(account, name) for name in names}
    rights = sorted(rights_of(account.role, account.rights))
    return said | {"areas": list(account.areas), "rights": rights}


ROUTES: Final = (
    accounts, add, close, set_password, renew_codes, set_rights, sessions, revoke, unlock,
)  # fmt: skip
