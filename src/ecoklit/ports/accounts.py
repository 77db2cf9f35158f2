"""Accounts, their sessions, and what they were shown: the schema of the office, which is no projection."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ecoklit.ports.reading import AsOf


class Account(NamedTuple):
    """Somebody who may ask. `rights` are those beyond the role's own; `password` is a hash, `totp` sealed; `subject` is
    "issuer subject" at the office's own provider. Closed accounts stay: the read log names them.
    """

    account: str
    login: str
    role: str
    areas: tuple[str, ...]
    rights: frozenset[str]
    officer: str
    password: str | None
    totp: bytes | None
    subject: str | None
    made_by: str
    made_at: datetime
    closed_at: datetime | None


class NewAccount(NamedTuple):
    """An account to be made, as in `Account`."""

    login: str
    role: str
    areas: tuple[str, ...]
    rights: frozenset[str]
    officer: str
    password: str | None
    totp: bytes | None
    subject: str | None
    made_by: str


class Session(NamedTuple):
    """An open session: whose, of which kind (browser, program), and when it began, was last used and ends."""

    account: Account
    kind: str
    mark: bytes
    made_at: datetime
    seen_at: datetime
    ends_at: datetime


class Failing(NamedTuple):
    """How often a scope (`login:…`, `address:…`) may fail within `window_seconds` before it is locked for as long."""

    scope: str
    failures_max: int
    window_seconds: int


@runtime_checkable
class AccountStore(Protocol):
    """Accounts and their sessions, for all processes of the service. Every change is durable on return.

    Raises RollUnavailable when the database is away: then nobody is let in.
    """

    async def add(self, new: NewAccount) -> Account:
        """Raises EcoklitError login_taken, for a login or a subject that an account had before, closed ones too."""
        ...

    async def by_login(self, login: str) -> Account | None: ...

    async def by_subject(self, subject: str) -> Account | None: ...

    async def all(self) -> list[Account]:
        """Every account, closed ones too, by login."""
        ...

    async def close(self, account: str) -> None:
        """Close it and end its sessions, at once; again changes nothing."""
        ...

    async def set_password(self, account: str, password: str) -> None:
        """Give it another hash, and end its sessions."""
        ...

    async def set_totp(self, account: str, totp: bytes) -> None:
        """Give it another sealed secret, and end its sessions."""
        ...

    async def set_rights(self, account: str, rights: Collection[str]) -> None:
        """Give it other rights beyond its role's; its open sessions have them at once."""
        ...

    async def use_step(self, account: str, step: int) -> bool:
        """Use up a time step and all before it; False when it was used. Of two calls at once one is True."""
        ...

    async def open(self, account: str, kind: str, mark: bytes, seconds: int, sessions_max: int) -> datetime:
        """Begin a session that ends in so many seconds whatever happens; `mark` is the token's hash. When it ends.

        With more than so many open, the account's oldest end. Calls at once come one after the other.
        """
        ...

    async def session(self, mark: bytes, idle_seconds_max: int) -> Session | None:
        """The session, its account as it is now; None when it was ended, is over, idle for too long, or closed."""
        ...

    async def sessions(self) -> list[Session]:
        """Those that have not ended, idle ones too, the latest first."""
        ...

    async def end(self, mark: bytes) -> None:
        """End one session; again changes nothing."""
        ...

    async def end_all(self, account: str) -> int:
        """End every session of an account; how many there were."""
        ...

    async def attempt(self, failing: Sequence[Failing]) -> float:
        """Count an attempt in every scope before anybody looks whether it is right, and lock those with too many.

        The seconds until the last of them is open again, 0 when all are. Attempts at once are counted one by one.
        """
        ...

    async def succeed(self, scopes: Sequence[str]) -> None:
        """Forget the failures in these scopes."""
        ...

    async def unlock(self, login: str, *, reading: bool = True) -> int:
        """Open every lock of an account: of its login, and of its `reading`. How many there were."""
        ...

    async def take(self, key: str, cost: float, burst: float, per_second: float) -> float:
        """Take `cost` from a bucket that processes share: 0; or, nothing taken, the seconds until there is enough."""
        ...

    async def alert(self, kind: str, account: str | None, area: str | None, says: str) -> None:
        """Note what somebody should look at."""
        ...

    async def looked_at(self, alerts: Sequence[int], by: str) -> None:
        """Note who looked at these; they are listed no more."""
        ...

    async def alerts(self) -> list[dict[str, Any]]:
        """What nobody has looked at yet, the latest first."""
        ...


class Reading(NamedTuple):
    """Something that is about to be shown: `rows` voters of `area`, or the one `voter`; `fields` are shown whole, for a
    `reason`. `account` is None for somebody at the service's own database.

    `within` is the area of the account that it counts in, with `budget` voters a day; "" counts in none.
    """

    account: str | None
    action: str
    area: str | None
    voter: str | None
    rows: int
    fields: tuple[str, ...]
    reason: str | None
    as_of: int
    request: str
    within: str
    budget: int


class LogEntry(NamedTuple):
    """An entry of the read log as stored; `login` is its account's, or None."""

    entry: int
    at: datetime
    account: str | None
    login: str | None
    action: str
    area: str | None
    voter: str | None
    rows: int
    fields: tuple[str, ...]
    reason: str | None
    as_of: int
    request: str
    prev: bytes
    hash: bytes

    def said(self) -> dict[str, Any]:
        """What its hash is over, beside the entry before (core/read_chain.py)."""
        said = {name: value for name, value in self._asdict().items() if name not in ("login", "prev", "hash")}
        return said | {"at": self.at.isoformat(timespec="microseconds"), "fields": list(self.fields)}


class ReadingsWanted(NamedTuple):
    """Entries of the log that are asked for: of an `area`, and those of a login, an action or a voter where these are
    given; `before` an entry's number, the latest first, `entries_max` of them.
    """

    area: str
    login: str | None
    action: str | None
    voter: str | None
    before: int | None
    entries_max: int


@runtime_checkable
class ReadLog(Protocol):
    """What was shown to whom: added to and never changed, each entry bound to the one before it by hash."""

    async def write(self, readings: Sequence[Reading]) -> list[bool]:
        """Note readings and charge their budgets, all in one commit, durable on return: whether each may be shown.

        One that would go beyond its budget is not noted: its account is locked in that area, with an alert, in the same
        commit, and so is every later one until somebody grants more. Calls at once, from any process, come one after
        the other. Raises RollUnavailable: then nothing may be shown.
        """
        ...

    async def entries(self, after: int, limit: int) -> list[LogEntry]:
        """Entries with a number above `after`, in order, at most `limit`."""
        ...

    async def readings(self, wanted: ReadingsWanted) -> list[LogEntry]:
        """Readings of an area or a part of it, of a wider one, and of a voter who stands there now; acts on accounts
        too.
        """
        ...

    async def last_entry(self) -> LogEntry | None:
        """The last entry; None when there is none yet."""
        ...


class Approval(NamedTuple):
    """Something that needs a second person: who asked, who answered how (None: nobody yet), until when it holds.

    `about` is the one act that it is for, and is good for once; "" where it holds for a kind and an area.
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


@runtime_checkable
class ApprovalStore(Protocol):
    """What was asked of a second person. Durable on return."""

    async def ask(self, kind: str, area: str, says: str, account: str, seconds: int, about: str = "") -> Approval: ...

    async def get(self, approval: str) -> Approval | None: ...

    async def open_approvals(self) -> list[Approval]:
        """Those that hold: not answered yet, or granted; the oldest first."""
        ...

    async def answer(self, approval: str, account: str, granted: bool) -> bool:
        """Answer it; False when it was answered before or is over, and then nothing changes."""
        ...

    async def use(self, approval: str) -> bool:
        """Use up what was granted; False when it was used before, or is over."""
        ...

    async def grant_budget(self, account: str, area: str, voters: int) -> None:
        """Let an account read so many voters more in an area today, and open its lock there."""
        ...


@runtime_checkable
class Passwords(Protocol):
    """Hashes of passwords. Both calls take about 0.1 s of a core, whatever is asked: nothing is learnt from the time.

    Raises ProblemError service_busy when too many wait.
    """

    async def hashed(self, password: str) -> str: ...

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Whether it is the password; None, for an account that there is not, is matched by none."""
        ...


class Numbers(NamedTuple):
    """A voter's identity numbers as whoever reads may see them, and on the list of which TPS it stands."""

    tps: str
    nik: str | None
    nkk: str | None


@runtime_checkable
class NumbersReader(Protocol):
    """The lists as somebody may see them, one voter at a time."""

    async def numbers(self, regency: str, voter: str) -> tuple[AsOf, Numbers] | None:
        """None when the voter stands on no list that whoever reads may see. Raises EcoklitError unknown_voter,
        NotProjected.
        """
        ...
