"""The rights of voters (UU 27/2022): what they ask for, and who was shown what of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from ecoklit.ports.accounts import LogEntry


class VoterRequest(NamedTuple):
    """What a voter asks for by right, and its answer: None until there is one. `is_late`: it came, or will, after it
    was due."""

    request: str
    voter: str
    regency: str
    tps: str
    kind: str
    says: str
    asked_at: datetime
    due_at: datetime
    noted_by: str
    answer: str | None
    answered_at: datetime | None
    answered_by: str | None
    is_late: bool


class VoterRequests(Protocol):
    """Requests of voters. Durable on return, by the database's clock; they outlast every rebuild."""

    async def note(self, voter: str, tps: str, kind: str, says: str, by: str, hours: int) -> VoterRequest:
        """Note a request about a voter who stands at `tps`, due in `hours`."""
        ...

    async def answer(self, request: str, answer: str, by: str) -> VoterRequest | None:
        """Answer it; None when there is no such request, or it has its answer."""
        ...

    async def get(self, request: str) -> VoterRequest | None: ...

    async def of_voter(self, voter: str) -> list[VoterRequest]:
        """All of them, the oldest first."""
        ...

    async def within(self, area: str, *, answered: bool) -> list[VoterRequest]:
        """Of voters who stood in the area, those without an answer, with `answered` all; the first due first."""
        ...


class ExportMade(NamedTuple):
    """A list that left the service as a file."""

    login: str
    role: str
    area: str
    what: str
    format: str
    position: int
    unmasked: bool
    asked_at: datetime
    state: str
    rows: int


class ReadingsMade(NamedTuple):
    """Answers alike in all but their time: how many, with how many rows in all. `login` None: at the service's own
    database."""

    login: str | None
    role: str | None
    action: str
    area: str | None
    voters: int
    fields: tuple[str, ...]
    answers: int
    rows: int
    first: datetime
    last: datetime


class SessionSeen(NamedTuple):
    """A session that was open for a while of a window; `ended_at` is when it ended or will."""

    login: str
    role: str
    kind: str
    made_at: datetime
    seen_at: datetime
    ended_at: datetime


class AlertRaised(NamedTuple):
    """What somebody was told to look at."""

    at: datetime
    kind: str
    login: str | None
    area: str | None
    says: str


class SqlReader(NamedTuple):
    """A login of somebody with SQL, whose reading the database alone could tell."""

    login: str
    areas: tuple[str, ...]


class Trail(Protocol):
    """Who was shown what, from the office's own schema: complete for answers of the service, since none leaves before
    it is written there; what people with SQL read is not in it."""

    async def readings_about(self, voter: str, tps: Sequence[str]) -> list[LogEntry]:
        """Readings of the voter, and of lists of areas that one of these TPS lies in, in order."""
        ...

    async def exports_about(self, tps: Sequence[str]) -> list[ExportMade]:
        """Exports of areas that one of these TPS lies in, in order."""
        ...

    async def readings_within(self, since: datetime, until: datetime) -> list[ReadingsMade]: ...

    async def exports_within(self, since: datetime, until: datetime) -> list[ExportMade]: ...

    async def sessions_within(self, since: datetime, until: datetime) -> list[SessionSeen]: ...

    async def alerts_within(self, since: datetime, until: datetime) -> list[AlertRaised]: ...

    async def sql_readers(self) -> list[SqlReader]:
        """Those that are open now."""
        ...
