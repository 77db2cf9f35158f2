"""Signing in and out, the second person's word, and whole numbers for a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import JSONBody, Parameter, SkipValidation

from ecoklit.bootstrap import House
from ecoklit.http.auth import PUBLIC, VIEWER, note_signed_in, session_cookie, without_cookie
from ecoklit.http.problems import problem_spec
from ecoklit.http.reading import RESPONSES, SUBJECTS
from ecoklit.http.sync import address_asking
from ecoklit.ports import AsOf, Session
from ecoklit.services.approvals import ABOUT_CHARACTERS_MAX
from ecoklit.services.sign_in import BROWSER, PROGRAM, Attempt, Signed, forgery_mark, session_name
from ecoklit.services.viewer import UNMASK, Viewer

AnyRequest = Request[Any, Any, Any]
OurHouse = NamedDependency[SkipValidation[House]]
By = NamedDependency[SkipValidation[Viewer]]
SignedBy = NamedDependency[SkipValidation[Signed]]

AT: Final = "2024-06-25T02:12:00Z"
ACCOUNT: Final = {
    "login": "siti", "role": "kpu", "areas": ["9404"], "rights": ["accounts", "approve", "decide"],
    "kind": PROGRAM, "ends_at": AT,
}  # fmt: skip
APPROVAL: Final = {
    "approval": "0b7b8f0e-2d5c-4f5e-9d7e-0d4f7c1f9a51", "kind": "budget", "area": "9404",
    "says": "the plenary goes through all lists today", "asked_by": "4a1c0d5e-7f0b-4a57-8a43-5d1f3b0e6c22",
    "asked_at": AT, "answered_by": None, "granted": None, "ends_at": AT, "about": "",
}  # fmt: skip
SESSION: Final = {
    "session": "3f8a5c0e9b7d2146", "kind": PROGRAM, "began_at": AT, "seen_at": AT, "ends_at": AT, "is_this": True,
}  # fmt: skip
PROBLEMS: Final = RESPONSES | {
    400: problem_spec(400, "bad_argument, bad_password, no_reason: what was sent is not as it must be"),
    404: problem_spec(404, "not_found, unknown_approval, unknown_account: there is none that this account sees"),
    409: problem_spec(
        409, "answered_before, own_approval, own_account, login_taken: another person or login is needed"
    ),
}
TEXT: Final = msgspec.Meta(max_length=1024)


class SignInBody(msgspec.Struct, forbid_unknown_fields=True):
    """Login, password, and the code that the authenticator app shows now; each code is good once."""

    login: Annotated[str, TEXT]
    password: Annotated[str, TEXT]
    code: Annotated[str, TEXT]
    kind: Annotated[str, msgspec.Meta(pattern="^(browser|program)$")] = PROGRAM


class Who(msgspec.Struct):
    """The account that asks, what it may, and until when; 15 minutes without a request end it before."""

    login: str
    role: str
    areas: list[str]
    rights: list[str]
    kind: str
    ends_at: datetime
    csrf: str | None = None


class SignedIn(Who, kw_only=True):
    """A session. A program's `token` goes into `Authorization: Bearer …` and is shown once; a browser's is its cookie,
    and `csrf` goes into the header Ecoklit-CSRF of whatever changes something.
    """

    token: str | None


class PasswordBody(msgspec.Struct, forbid_unknown_fields=True):
    """The password and code that were good until now, and the new password."""

    password: Annotated[str, TEXT]
    code: Annotated[str, TEXT]
    new_password: Annotated[str, TEXT]


class ApprovalBody(msgspec.Struct, forbid_unknown_fields=True):
    """What needs a second person: `export`, `budget` or `account`, where, and why.

    Of an account, `about` is the act, as the refusal `approval_needed` said it; "" of the others.
    """

    kind: Annotated[str, msgspec.Meta(pattern="^(export|budget|account)$")]
    area: Annotated[str, msgspec.Meta(max_length=32)]
    says: Annotated[str, TEXT]
    about: Annotated[str, msgspec.Meta(max_length=ABOUT_CHARACTERS_MAX)] = ""


class Approval(msgspec.Struct):
    """What takes two: who asked for what, and the second person's answer, null until there is one. It holds until
    `ends_at`; of an act on an account, for that one act.
    """

    approval: str
    kind: str
    area: str
    says: str
    asked_by: str
    asked_at: datetime
    answered_by: str | None
    granted: bool | None
    ends_at: datetime
    about: str


class AnswerBody(msgspec.Struct, forbid_unknown_fields=True):
    """The second person's answer."""

    granted: bool


class ReasonBody(msgspec.Struct, forbid_unknown_fields=True):
    """Why whole numbers are needed, in 10 to 200 characters: it stands in the read log."""

    reason: Annotated[str, TEXT]


class OwnSession(msgspec.Struct):
    """An open session. `session` is its name, which ends it and opens nothing; `is_this`: it is the one that asks."""

    session: str
    kind: str
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    is_this: bool = False


class WholeNumbers(msgspec.Struct):
    """A voter's identity numbers, whole; null where the list has none."""

    as_of: AsOf
    voter: str
    tps: str
    nik: str | None
    nkk: str | None


def answers(form: type[Any], example: object, *more: int, success: int = 200) -> dict[int, ResponseSpec]:
    """What a route answers with, for the document: the `form`, and the problems of `more` statuses."""
    done = ResponseSpec(form, description="Done", generate_examples=False, examples=[Example(value=example)])
    return {success: done} | {status: PROBLEMS[status] for status in (400, 401, 403, 429, 503, *more)}


@post(
    "/v1/sessions",
    audience=PUBLIC,
    status_code=200,
    summary="Sign in",
    responses=answers(SignedIn, ACCOUNT | {"csrf": None, "token": "kZ0…"}),
)
async def sign_in(request: AnyRequest, house: OurHouse, data: JSONBody[SignInBody]) -> Response[SignedIn]:
    """Open a session. Whoever is refused is not told which of login, password and code was wrong."""
    attempt = Attempt(data.login, data.password, data.code, address_asking(request))
    opened = await house.sessions.sign_in(attempt, data.kind)
    note_signed_in(opened, data.kind, "password")
    who = who_asks(opened.viewer, data.kind, opened.ends_at, opened.token)
    is_browser = data.kind == BROWSER
    answer = Response(SignedIn(**msgspec.structs.asdict(who), token=None if is_browser else opened.token))
    if is_browser:
        answer.set_cookie(session_cookie(opened, datetime.now(UTC)))
    return answer


@get("/v1/session", audience=VIEWER, summary="Who asks", responses=answers(Who, ACCOUNT | {"csrf": None}))
async def session(request: AnyRequest, signed: SignedBy) -> Who:
    """The account that asks, and until when."""
    held = signed.session
    return who_asks(signed.viewer, held.kind, held.ends_at, request.state.token)


@delete(
    "/v1/session",
    audience=VIEWER,
    status_code=204,
    summary="Sign out",
    responses={status: PROBLEMS[status] for status in (400, 401, 403, 429, 503)},
)
async def sign_out(
    house: OurHouse,
    signed: SignedBy,
    everywhere: Annotated[bool, Parameter(description="End the account's other sessions too")] = False,
) -> Response[None]:
    """End the session, or with `everywhere` all sessions of the account."""
    if everywhere:
        await house.sessions.sign_out_everywhere(signed.viewer)
    else:
        await house.sessions.sign_out(signed.session)
    return without_cookie(Response(None, status_code=204))


@get("/v1/sessions", audience=VIEWER, summary="One's own sessions", responses=answers(list[OwnSession], [SESSION]))
async def own_sessions(house: OurHouse, signed: SignedBy) -> list[OwnSession]:
    """The account's open sessions, the latest first."""
    this = signed.session.mark
    return [session_shown(one, is_this=one.mark == this) for one in await house.sessions.own(signed.viewer)]


@delete(
    "/v1/sessions/{session:str}",
    audience=VIEWER,
    status_code=204,
    summary="End a session",
    responses={status: PROBLEMS[status] for status in (400, 401, 403, 404, 429, 503)},
)
async def end_session(
    house: OurHouse, viewer: By, session: Annotated[str, Parameter(description="Its name", max_length=64)]
) -> None:
    """End one of the account's own sessions."""
    await house.sessions.end_own(viewer, session)


@put(
    "/v1/session/password",
    audience=VIEWER,
    status_code=204,
    summary="Another password",
    responses={status: PROBLEMS[status] for status in (400, 401, 403, 429, 503)},
)
async def change_password(
    request: AnyRequest, house: OurHouse, viewer: By, data: JSONBody[PasswordBody]
) -> Response[None]:
    """Give the account that asks another password; all its sessions end."""
    await house.sessions.confirm(Attempt(viewer.login, data.password, data.code, address_asking(request)))
    await house.account_desk.set_password(viewer.login, data.new_password)
    return without_cookie(Response(None, status_code=204))


@post(
    "/v1/voters/{voter:str}/unmask",
    audience=UNMASK,
    status_code=200,
    summary="Whole numbers of one voter",
    responses=answers(
        WholeNumbers,
        {
            "as_of": {"regency": "9404", "election": "pilkada-2024", "events": 1200, "persons": 1180},
            "voter": "20a136e2-4c5f-8ec7-a2f4-cde6e20457a0", "tps": "9404012001001", "nik": None, "nkk": None,
        },
        404,
    ),
)  # fmt: skip
async def unmask(
    request: AnyRequest,
    house: OurHouse,
    viewer: By,
    voter: Annotated[
        str,
        Parameter(description=SUBJECTS["voter"][0], max_length=64, schema_extra={"pattern": SUBJECTS["voter"][1]}),
    ],
    data: JSONBody[ReasonBody],
) -> WholeNumbers:
    """The whole NIK and NKK of one voter. Who asked, about whom and why is in the read log before they leave."""
    return WholeNumbers(*await house.unmask.numbers(viewer, voter, data.reason, request.state.request))


@get("/v1/approvals", audience=VIEWER, summary="What takes two", responses=answers(list[Approval], [APPROVAL]))
async def approvals(house: OurHouse, viewer: By) -> list[Approval]:
    """What the account asked for itself, and what it may answer: the oldest first."""
    return [Approval(**one._asdict()) for one in await house.approvals.seen_by(viewer)]


@post(
    "/v1/approvals",
    audience=VIEWER,
    status_code=200,
    summary="Ask a second person",
    responses=answers(Approval, APPROVAL),
)
async def ask_approval(house: OurHouse, viewer: By, data: JSONBody[ApprovalBody]) -> Approval:
    """Ask for what one person alone may not do: read more than the day's budget, export a large list, or an act on an
    account that could let one person be two.
    """
    asked = await house.approvals.ask(viewer, data.kind, data.area.replace(".", ""), data.says, data.about)
    return Approval(**asked._asdict())


@post(
    "/v1/approvals/{approval:str}",
    audience=VIEWER,
    status_code=200,
    summary="Answer as the second person",
    responses=answers(Approval, APPROVAL | {"granted": True}, 404, 409),
)
async def answer_approval(
    house: OurHouse,
    viewer: By,
    approval: Annotated[str, Parameter(description="Its id", max_length=64)],
    data: JSONBody[AnswerBody],
) -> Approval:
    """Say yes or no to what somebody else asked for."""
    answered = await house.approvals.answer(viewer, approval, data.granted)
    return Approval(**answered._asdict())


def who_asks(viewer: Viewer, kind: str, ends_at: datetime, token: str) -> Who:
    return Who(
        login=viewer.login,
        role=viewer.role,
        areas=list(viewer.areas),
        rights=sorted(viewer.rights),
        kind=kind,
        ends_at=ends_at,
        csrf=forgery_mark(token) if kind == BROWSER else None,
    )


def session_shown(held: Session, *, is_this: bool = False) -> OwnSession:
    return OwnSession(session_name(held), held.kind, held.made_at, held.seen_at, held.ends_at, is_this)


ROUTES: Final = (
    sign_in, session, own_sessions, end_session, sign_out, change_password, unmask, approvals, ask_approval,
    answer_approval,
)  # fmt: skip
