"""An answer to a question about a list: whose it may be, a page of its rows as they may be shown, and as of when.

A page is one snapshot. Pages go on from the last row's key, so a row that stays where it is comes exactly once; what
came or went behind the key meanwhile is not told again, and `is_steady` says whether anything did.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from ecoklit.core import ids
from ecoklit.core.registry import Registry
from ecoklit.core.suppression import total
from ecoklit.errors import EcoklitError
from ecoklit.ports import AnalystReader, Answer, AsOf, Edition, FiguresReader, Only, Paged, Wanted, order_of
from ecoklit.ports.editions import EditionReader, Footing
from ecoklit.services.as_of import COUNTS, LEVELS
from ecoklit.services.cursors import Cursor, Cursors
from ecoklit.services.digests import AreaDigests, Digested
from ecoklit.services.disclose import NOT_SUPERVISED, SUPERVISED_ONLY, SUPERVISOR, shown
from ecoklit.services.figures import devices_health, officers_reports, rows_disclosed, visits_advice
from ecoklit.services.kept_pages import Editions, Kept, KeptPages
from ecoklit.services.lists import (
    ADVICE,
    CONFLICTS,
    DUPLICATES,
    FAMILIES,
    HEALTH,
    HISTORY,
    LARGE,
    LATE,
    MOVERS,
    PROGRESS,
    PROPOSALS,
    RECAP,
    REPORTS,
    ROLL,
    Question,
)
from ecoklit.services.past_work import PastAnalyst
from ecoklit.services.read_log import Shown
from ecoklit.services.whole_lists import ROWS_MAX as WHOLE_ROWS_MAX
from ecoklit.services.whole_lists import WholeList, WholeLists

if TYPE_CHECKING:
    from datetime import datetime

    from ecoklit.services.as_of import Past
    from ecoklit.services.viewer import Viewer

FORM: Final = "1"
"""Raised when an answer's form changes: what somebody kept of an older one is no answer any more."""
PAST_WAITING_MAX: Final = 4
"""A roll of the past is folded again from its events, one at a time: whoever comes after so many comes again later."""


class Answered(msgspec.Struct, frozen=True):
    """A page. `began` is the position of the first page, `cursor` that of the next, None after the last.

    `is_steady`: nothing changed since the first page. `tag` is the same only for the same bytes; None when the rows
    changed while they were read.
    """

    as_of: AsOf
    digest: Digested | None
    rows: list[dict[str, Any]]
    cursor: str | None
    began: int
    is_steady: bool
    tag: str | None


class Unchanged(msgspec.Struct, frozen=True):
    """What whoever asks has already, by its tag."""

    tag: str


class Province(msgspec.Struct, frozen=True):
    """The recap of a province, over those of its regencies that are projected here and may be seen.

    Each regency has its own moment, and the latest digest where this service computes it.
    """

    as_of: list[tuple[AsOf, Digested | None]]
    rows: list[dict[str, Any]]


class Encoded(msgspec.Struct, frozen=True):
    """As `Answered`, with its rows as JSON already, and how many they are."""

    as_of: AsOf
    digest: Digested | None
    rows: msgspec.Raw
    count: int
    cursor: str | None
    began: int
    is_steady: bool
    tag: str | None


Disclose = Callable[["Viewer", Shown], Awaitable[None]]
"""Writes down what is about to be shown (`read_log.Ledger.disclose`)."""


class ReaderFor(Protocol):
    """Gives the projection as somebody may see it."""

    def __call__(self, viewer: Viewer) -> AnalystReader: ...


class _Found(NamedTuple):
    """Rows in order, one more than asked for where there are more; `edition` is None when it changed meanwhile."""

    as_of: AsOf
    rows: list[dict[str, Any]]
    edition: Edition | None
    digest: bytes | None = None


class Answers:
    """Answers questions of one service."""

    def __init__(
        self,
        *,
        regency: str,
        reader_for: ReaderFor,
        registry: Callable[[], Awaitable[Registry]],
        past: Callable[[str, int | datetime | str], Awaitable[Past]],
        cursors: Cursors,
        digests: AreaDigests,
        today: Callable[[], date],
        disclose: Disclose,
        editions: EditionReader | None = None,
    ) -> None:
        """Without `editions` nothing is kept: every page is read for whoever asks."""
        self._regency = regency
        self._reader_for = reader_for
        self._registry = registry
        self._past = past
        self._cursors = cursors
        self._digests = digests
        self._today = today
        self._disclose = disclose
        self._editions = None if editions is None else Editions(editions)
        self._kept = KeptPages()
        self._whole = WholeLists()
        self._past_lock = asyncio.Lock()
        self._past_waiting = 0

    async def answer(
        self, viewer: Viewer, question: Question, known: Collection[str] = (), request: str = ""
    ) -> Answered | Unchanged:
        """A page of what was asked, or that one of the `known` tags is its own, in which case no row is read.

        What names voters is in the read log, under the id of the `request`, when this returns. Raises EcoklitError
        not_your_area, not_your_right, bad_argument, not_found, reading_locked, and as the readers do.
        """
        demand_sight(viewer, question)
        demand_fields(viewer, question)
        cursor = self._cursors.open(question.cursor, question.mark) if question.cursor else None
        reader = self._reader_for(viewer)
        registry = (await self._registry()).position if question.listed.reads_registry else 0
        # What is kept of an area is of now.
        digest = self._digests.of(question.subject) if question.at is None else None
        if any(known):
            now = self._tag(viewer, question, await reader.edition(self._regency_of(question)), registry, digest)
            if now in known:
                return Unchanged(now)
        found = await self._found(viewer, reader, question, cursor)
        own = None if found.edition is None else self._tag(viewer, question, found.edition, registry, digest)
        if found.digest is not None:
            digest = Digested(found.digest.hex(), found.as_of.events, found.as_of.persons)
        page = self._page(viewer, question, cursor, found, digest, own)
        if question.listed.names_voters:
            await self._disclose(viewer, shown_by(question, len(page.rows), page.as_of, request))
        return page

    async def encoded(
        self, viewer: Viewer, question: Question, known: Collection[str] = (), request: str = ""
    ) -> Encoded | Unchanged:
        """As `answer`, as JSON. A first page of now is read once for all who ask it with the same role, rights and
        areas, and kept while it holds; what it discloses is written down for each of them.
        """
        if self._editions is None or not _is_kept(question):
            answered = await self.answer(viewer, question, known, request)
            return answered if isinstance(answered, Unchanged) else _in_json(answered)
        demand_sight(viewer, question)
        demand_fields(viewer, question)
        now = await self._editions.now(*_footing_of(question))
        digest, tag_of = self._digests.of(question.subject), partial(self._tag, viewer, question)
        if any(known) and (tag := tag_of(now.edition, 0, digest)) in known:
            return Unchanged(tag)
        today = self._today()
        key = (question.mark, viewer.role, viewer.areas, viewer.rights, today)
        kept = await self._kept.page(key, now, partial(self._read, viewer, question, now, today))
        tag, as_of = tag_of(kept.edition, 0, digest), kept.edition.as_of
        if kept.digest is not None:
            digest = Digested(kept.digest.hex(), as_of.events, as_of.persons)
        first = Cursor(question.mark, *kept.edition[1:], as_of.events, ())
        cursor = None if kept.last is None else self._cursors.seal(msgspec.structs.replace(first, after=kept.last))
        page = Encoded(as_of, digest, msgspec.Raw(kept.body), kept.rows, cursor, as_of.events, True, tag)
        if question.listed.names_voters:
            await self._disclose(viewer, shown_by(question, page.count, as_of, request))
        return page

    async def _read(self, viewer: Viewer, question: Question, before: Footing, today: date) -> Kept:
        """The page to be kept. `before` was asked before its rows are read, and is asked again after."""
        found = await self._found(viewer, self._reader_for(viewer), question, None)
        assert found.edition is not None
        rows = found.rows[: question.rows_max]
        last = order_of(rows[-1], question.listed.order) if len(found.rows) > question.rows_max else None
        body = msgspec.json.encode(_shown(viewer, question, rows, today))
        return Kept(found.edition, await self._imprint_since(question, before), body, len(rows), last, found.digest)

    async def _imprint_since(self, question: Question, before: Footing) -> str | None:
        """The imprint of a TPS, when it is still the one that was asked before."""
        if before.imprint is None or self._editions is None:
            return None
        after = await self._editions.now(*_footing_of(question))
        is_same = (after.imprint, after.edition.generation) == (before.imprint, before.edition.generation)
        return before.imprint if is_same else None

    async def province(self, viewer: Viewer, province: str, level: str) -> Province:
        """The recap of the parts of a province, by `level`: province, regency, district, village or tps."""
        if not (len(province) == 2 and ids.is_area(province)):
            raise EcoklitError("unknown_area", "That is no province: give its 2 digits, as in 94.")
        if level not in PROVINCE_LEVELS:
            raise EcoklitError("bad_argument", f"level is one of {', '.join(PROVINCE_LEVELS)}: give one of these.")
        is_whole = level == "province"
        moments, rows = await self._reader_for(viewer).province(province, "regency" if is_whole else level)
        seen = [moment for moment in moments if viewer.sees(moment.regency)]
        if not seen or (is_whole and len(seen) < len(moments)):
            raise EcoklitError(
                "not_your_area", f"This account does not see all of {province}: ask about an area of your own."
            )
        # Of a regency that is seen in part the database would give that part, which looks like the whole.
        rows = [row for row in rows if viewer.sees(row["regency"])]
        as_of = [(moment, self._digests.of(moment.regency)) for moment in seen]
        return Province(as_of, [province_sum(province, rows)] if is_whole else rows)

    def _regency_of(self, question: Question) -> str:
        return self._regency if question.listed is HISTORY else question.subject[:4]

    async def _found(self, viewer: Viewer, reader: AnalystReader, question: Question, cursor: Cursor | None) -> _Found:
        wanted = Wanted(
            question.listed.order, question.rows_max + 1, question.only, None if cursor is None else cursor.after
        )
        if question.at is None and question.listed.name not in (*_COMPUTED, *_SLOW):
            return _found_in(await self._stored(reader, question, wanted))
        # What takes several reads is of one edition when that was the same before and after.
        before = await reader.edition(self._regency_of(question))
        key = (question.mark, viewer.account, viewer.role, viewer.areas, viewer.rights)
        whole = self._whole.find(key, before)
        if whole is None and question.at is None and question.listed.name in _SLOW:
            return await self._slow(reader, question, wanted, key)
        if whole is None:
            as_of, rows, digest = await self._computed(viewer, reader, question)
            after = await reader.edition(self._regency_of(question))
            if before[1:] != after[1:]:
                return _Found(as_of, page_of(rows, wanted), None, digest)
            whole = WholeList(after, as_of, rows, digest)
            self._whole.keep(key, whole)
        return _Found(whole.as_of, page_of(whole.rows, wanted), whole.edition, whole.digest)

    async def _slow(self, reader: AnalystReader, question: Question, wanted: Wanted, key: Hashable) -> _Found:
        """A page of what one query finds slowly: found whole, so that its other pages are there."""
        every = msgspec.structs.replace(wanted, rows_max=WHOLE_ROWS_MAX + 1, after=None)
        paged = await self._stored(reader, question, every)
        if len(paged.rows) > WHOLE_ROWS_MAX:
            return _found_in(await self._stored(reader, question, wanted))
        self._whole.keep(key, WholeList(paged.edition, paged.edition.as_of, paged.rows, paged.digest))
        return _found_in(paged._replace(rows=page_of(paged.rows, wanted)))

    async def _stored(self, reader: AnalystReader, question: Question, wanted: Wanted) -> Paged:
        listed, subject, regency = question.listed, question.subject, self._regency_of(question)
        if listed is HISTORY:
            paged = await reader.page(listed.name, regency, [subject], wanted)
            if not paged.rows and wanted.after is None and not wanted.only:
                raise EcoklitError("not_found", "No event about this voter is held here: check the id.")
            return paged
        if listed is RECAP:
            whole = await reader.recap(subject, *question.arguments)
            return whole._replace(rows=page_of(whole.rows, wanted))
        arguments = [LEVELS[one] if listed is PROGRESS else one for one in question.arguments]
        tps = subject if ids.is_tps(subject) else None
        return await reader.page(listed.name, regency, [regency, subject, *arguments], wanted, tps)

    async def _computed(self, viewer: Viewer, reader: AnalystReader, question: Question) -> Computed:
        if question.at is None:
            return await _COMPUTED[question.listed.name](reader, self._registry, question)
        if self._past_waiting >= PAST_WAITING_MAX:
            raise EcoklitError("service_busy", "Many ask for earlier moments now: ask again after Retry-After.")
        self._past_waiting += 1
        try:
            async with self._past_lock:
                return await self._past_computed(viewer, question, question.at)
        finally:
            self._past_waiting -= 1

    async def _past_computed(self, viewer: Viewer, question: Question, at: int | datetime | str) -> Computed:
        past = await self._past(self._regency if question.listed is HISTORY else question.subject, at)
        if question.listed is ROLL:
            roll = await past.roll(question.subject)
            return roll.as_of, roll.rows, roll.digest
        then = PastAnalyst(past, viewer.sees)
        if question.listed.name in _COMPUTED:
            return await _COMPUTED[question.listed.name](then, partial(_itself, past.registry), question)
        ask: Mapping[str, Callable[..., Awaitable[Answer]]] = {
            RECAP.name: past.recap, CONFLICTS.name: past.conflicts, PROPOSALS.name: past.proposals,
            HISTORY.name: then.history, MOVERS.name: then.movers, FAMILIES.name: then.split_families,
            LARGE.name: then.large_tps, DUPLICATES.name: then.duplicates, PROGRESS.name: then.progress,
            LATE.name: then.late,
        }  # fmt: skip
        answer = await ask[question.listed.name](question.subject, *question.arguments)
        if question.listed is HISTORY and not answer.rows:
            raise EcoklitError("not_found", "No event about this voter was held then: check the id.")
        return answer.as_of, answer.rows, None

    def _page(
        self,
        viewer: Viewer,
        question: Question,
        cursor: Cursor | None,
        found: _Found,
        digest: Digested | None,
        tag: str | None,
    ) -> Answered:
        rows, order = found.rows[: question.rows_max], question.listed.order
        # An earlier moment stays what it is, whatever is projected meanwhile.
        now = found.edition if question.at is None else Edition(found.as_of, "", 0)
        first = cursor or Cursor(question.mark, *(now[1:] if now else ("", -1)), found.as_of.events, ())
        is_steady = now is not None and (first.generation, first.revision, first.events) == (*now[1:], now.as_of.events)
        has_more = len(found.rows) > question.rows_max
        following = msgspec.structs.replace(first, after=order_of(rows[-1], order)) if has_more else None
        return Answered(
            found.as_of,
            digest,
            _shown(viewer, question, rows, self._today()),
            None if following is None else self._cursors.seal(following),
            first.events,
            is_steady,
            tag,
        )

    def _tag(self, viewer: Viewer, question: Question, edition: Edition, registry: int, digest: Digested | None) -> str:
        said = [
            FORM, edition.generation, edition.revision, registry, question.mark, question.cursor,
            viewer.role, sorted(viewer.areas), sorted(viewer.rights), self._today(), digest,
        ]  # fmt: skip
        return ids.to_base64url(hashlib.sha256(msgspec.json.encode(said)).digest()[:16])


PROVINCE_LEVELS: Final = ("province", *LEVELS)
_SLOW: Final = (DUPLICATES.name, FAMILIES.name)
"""Lists that one query finds, by comparing all voters of the regency."""


def _found_in(paged: Paged) -> _Found:
    return _Found(paged.edition.as_of, paged.rows, paged.edition, paged.digest)


def _shown(viewer: Viewer, question: Question, rows: Sequence[Mapping[str, Any]], today: date) -> list[dict[str, Any]]:
    if rows and "event" in rows[0]:
        rows = [{**row, "event": _event(row["event"])} for row in rows]
    whole = [shown(row, viewer.role, today) for row in rows]
    return whole if question.fields is None else [{name: row[name] for name in question.fields} for row in whole]


def shown_by(question: Question, rows: int, as_of: AsOf, request: str) -> Shown:
    """What the read log says of a page of so many rows."""
    is_voter = question.listed is HISTORY
    area, voter = (None, question.subject) if is_voter else (question.subject, None)
    return Shown(question.listed.name, area, 1 if is_voter else rows, as_of.events, request, voter)


def _is_kept(question: Question) -> bool:
    """The first page of a list that one query gives; a voter is seen by where it stands, which changes."""
    is_stored = question.listed.name not in _COMPUTED and question.listed is not HISTORY
    return is_stored and question.at is None and not question.cursor


def _footing_of(question: Question) -> tuple[str, str | None]:
    """The regency of an area; and the TPS, of whose rows alone its roll is made."""
    return question.subject[:4], question.subject if question.listed is ROLL else None


def _in_json(page: Answered) -> Encoded:
    body = msgspec.Raw(msgspec.json.encode(page.rows))
    return Encoded(page.as_of, page.digest, body, len(page.rows), page.cursor, page.began, page.is_steady, page.tag)


def demand_sight(viewer: Viewer, question: Question) -> None:
    """Raises EcoklitError not_your_area; a voter is seen by where it stands, which the database knows."""
    if question.listed is not HISTORY:
        viewer.demand(question.subject)


def demand_fields(viewer: Viewer, question: Question) -> None:
    """Raises EcoklitError not_your_right when a field is asked for that the viewer's role is not given, or rows are
    chosen by it: who is left would be told as well."""
    kept = NOT_SUPERVISED if viewer.role == SUPERVISOR else SUPERVISED_ONLY
    if not {*(question.fields or ()), *(only.column for only in question.only)}.isdisjoint(kept):
        raise EcoklitError("not_your_right", f"An account of this role is not given {', '.join(kept)}: leave them out.")


def province_sum(province: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sum over the recaps of a province's regencies; None where one of them is not told."""
    columns = ("tps_count", *COUNTS)
    return {"regency": None, "level": "province", "area": province} | {
        name: total(row[name] for row in rows) for name in columns
    }


def page_of(rows: Sequence[Mapping[str, Any]], wanted: Wanted) -> list[dict[str, Any]]:
    """The wanted rows of a list that is there whole, as the database gives them of its own."""
    chosen = [dict(row) for row in rows if all(_holds(row, only) for only in wanted.only)]
    chosen.sort(key=lambda row: order_of(row, wanted.order))
    if wanted.after is not None:
        after = tuple(wanted.after)
        chosen = [row for row in chosen if order_of(row, wanted.order) > after]
    return chosen[: wanted.rows_max]


def _holds(row: Mapping[str, Any], only: Only) -> bool:
    value = row[only.column]
    if only.has_several:
        return value is not None and not set(value).isdisjoint(only.values)
    return value in only.values


def _event(held: str | None) -> Any:
    return None if held is None else msgspec.json.decode(held)


# --- lists that take more than one query ------------------------------------------------------------------------------

RegistryNow = Callable[[], Awaitable[Registry]]
Computed = tuple[AsOf, list[dict[str, Any]], bytes | None]
"""As of when, all rows, and the digest of a TPS."""


async def _itself(registry: Registry) -> Registry:
    return registry


async def _reports(reader: FiguresReader, _: RegistryNow, question: Question) -> Computed:
    span, start = question.arguments
    as_of, lines = await officers_reports(reader, question.subject, span, start)
    return as_of, rows_disclosed(lines), None


async def _health(reader: FiguresReader, registry: RegistryNow, question: Question) -> Computed:
    return (*await devices_health(reader, await registry(), question.subject), None)


async def _advice(reader: FiguresReader, registry: RegistryNow, question: Question) -> Computed:
    as_of, found = await visits_advice(reader, await registry(), question.subject)
    return as_of, rows_disclosed(found), None


_COMPUTED: Final[Mapping[str, Callable[[FiguresReader, RegistryNow, Question], Awaitable[Computed]]]] = {
    REPORTS.name: _reports,
    HEALTH.name: _health,
    ADVICE.name: _advice,
}
