"""The import of Model A-Daftar Pemilih: rows become `listed` events of an office device.

rows → checked rows → what is new, what changed → held events → outbox → pushed → reported

The order of the durable steps, and what a crash leaves behind between them:

1. Events are written and *held*: the index remembers the rows and keeps their lines in its outbox. A crash
before this leaves nothing; the rows are listed by the next import. 2. The lines are *pushed*. A crash, or
an answer that got lost, leaves them in the outbox, and the next import pushes the same bytes again before
it does anything else: the journal knows them, so nothing is doubled and the log never forks. 3. They are
*released*. Every row that is reported as listed is in the journal.

A row is known again by its village, TPS, NIK, name and birth date (core.row_mark):

- the same row with the same fields adds nothing;
- the same row with other fields is re-listed: a `listed` of the same voter whose clock names every event about the
  voter that the journal holds; it supersedes the earlier listing and, by its level, nothing that the field said;
- a row of which one of these five changed is a new voter, and the old one is reported as gone. A NIK is never a key:
  whether they are one is for a person to say, so both stand on the list, and the finding `nik_known` of the new row
  names the TPS of the old one;
- rows that are no longer there are reported, never removed.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from ecoklit.core import ids, row_mark, wire
from ecoklit.core.codebook import Codebook
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.head import sign_head
from ecoklit.core.limits import (
    CLOCK_ENTRIES_MAX,
    EVENTS_PER_DEVICE_AND_VOTER_MAX,
    PUSH_BYTES_MAX,
    PUSH_EVENTS_MAX,
)
from ecoklit.core.list_row import FINDINGS, Finding, ListRow, SourceRow, check
from ecoklit.core.list_sheet import Notice, Voter, read_sheets
from ecoklit.core.push_file import HEAD_BYTES_MAX, write_push
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.ports import KnownRow, ListingIndex, LogEnd

CHUNK_ROWS_MAX: Final = 1000
"""Rows that are looked up and held together: one transaction and about one push."""

Push = Callable[[list[bytes]], Awaitable[object]]
"""Takes wire lines of one device in the order of its log (≤ 1000, ≤ 900 KB); returns when the journal has
them.
"""

Seen = Callable[[Collection[str]], Awaitable[Mapping[str, Sequence[Held]]]]
"""Gives, for these voters, every event about each that the journal holds."""

LISTED: Final = "listed"
CHANGED: Final = "changed"
UNCHANGED: Final = "unchanged"
REFUSED: Final = "refused"


class ListingFault(EcoklitError):
    """The list cannot be imported as it is; what was imported before stays."""


class RowReport(NamedTuple):
    """What became of one row: its outcome, the voter, the fields that changed, and what a person should
    look at.
    """

    place: str
    outcome: str
    tps: str
    voter: str | None
    changed: tuple[str, ...]
    findings: tuple[Finding, ...]


class GoneRow(NamedTuple):
    """A voter who was listed before and stands on no row of the file; nothing was changed about them."""

    tps: str
    voter: str


class Summary(msgspec.Struct):
    """What became of a file: rows by outcome, errors apart from warnings by code, and what is no longer there.

    `pushed` counts events, with those that an earlier import had left in the outbox.
    """

    village: str
    outcomes: dict[str, int]
    errors: dict[str, int]
    warnings: dict[str, int]
    notices: list[Notice]
    gone: list[GoneRow]
    pushed: int

    @property
    def rows(self) -> int:
        return sum(self.outcomes.values())

    @property
    def has_errors(self) -> bool:
        """Whether something in the file was not listed."""
        return self.outcomes[REFUSED] > 0 or any(notice.severity == "error" for notice in self.notices)


class Import(NamedTuple):
    """What an import needs to know besides its rows.

    `village` is the 10-digit code of the file; `source` the word for rows that name none (`dp4-2024`); `at`
    RFC 3339.
    """

    village: str
    source: str
    at: str


# --- the village --------------------------------------------------------------------------------------------

_DOTTED = re.compile(r"(?<![0-9.])[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}(?![0-9])")
_PLAIN = re.compile(r"(?<![0-9.])[0-9]{10}(?![0-9])")


def village_of(file_name: str, given: str | None, regency: str, villages: Collection[str] | None = None) -> str:
    """The village that a file lists: `given`, else the code in its name (9404012001 or 94.04.01.2001).

    Raises ListingFault: no_village, bad_village, village_elsewhere, unknown_village (when `villages` are
    known).
    """
    named = {code.replace(".", "") for code in (*_DOTTED.findall(file_name), *_PLAIN.findall(file_name))}
    if given is None and len(named) != 1:
        raise ListingFault(
            "no_village", f"The name {file_name} does not say one village: give its code of 10 digits with --village."
        )
    village = (given if given is not None else named.pop()).replace(".", "")
    if len(village) != 10 or not ids.is_area(village):
        raise ListingFault("bad_village", f"{village} is no village: give its code of 10 digits, like 9404012001.")
    if ids.regency_of(village) != regency:
        raise ListingFault(
            "village_elsewhere", f"Village {village} is not in regency {regency}: its own office imports its list."
        )
    if villages is not None and village not in villages:
        raise ListingFault("unknown_village", f"Regency {regency} has no village {village}: check the code.")
    return village


# --- the office ---------------------------------------------------------------------------------------------


def office_log(index: ListingIndex, *, election: str, device: str, officer: str, policy: str) -> DeviceLog:
    """The log of an office device, at the end that its index remembers."""
    end = index.log_end()
    prev = ids.to_base64url(end.hash)
    return DeviceLog(election, device, officer=officer, role="kpu", policy=policy, seq=end.seq, prev=prev)


class Office:
    """An office device that imports lists: its log, its index, and the way to the journal."""

    def __init__(
        self,
        log: DeviceLog,
        index: ListingIndex,
        *,
        key: bytes,
        book: Codebook,
        salt: Callable[[], bytes],
        push: Push,
        seen: Seen,
    ) -> None:
        """`log` stands at `index.log_end()`; `salt` gives 16 random bytes at each call."""
        self._log = log
        self._index = index
        self._key = key
        self._book = book
        self._salt = salt
        self._push = push
        self._seen = seen

    async def resume(self) -> int:
        """Push what an earlier import held and could not push; gives the number of its events."""
        self._demand_in_step()
        return await push_waiting(self._index, self._push)

    async def import_list(
        self, rows: Iterable[SourceRow], what: Import, on_row: Callable[[RowReport], object] = lambda _: None
    ) -> Summary:
        """List the voters in `rows`; `on_row` is told of every row, once the journal has what came of it.

        Raises ListingFault no_voters (nothing was listed), not_in_journal; and what `rows` and `push`
        raise: then what was held is pushed by the next import.
        """
        pushed = await self.resume()
        run = _Run(self._index, self._key, what)
        for chunk in _chunks(self._checked(rows, run), CHUNK_ROWS_MAX):
            placed = run.place(chunk)
            births = [self._birth(row, what) for row in placed if row.outcome == LISTED]
            pushed += await self._keep(births)
            run.report(placed, births, on_row)
        if run.is_empty:
            raise ListingFault(
                "no_voters", run.notices[0].english if run.notices else "There is no row below the header."
            )
        for some in _chunks(await self._relistings(run, what, on_row), CHUNK_ROWS_MAX):
            pushed += await self._keep(some)
            run.report([one.row for one in some], some, on_row)
        return run.summary(pushed)

    def _demand_in_step(self) -> None:
        if self._log.seq != self._index.log_end().seq:
            raise ListingFault("out_of_step", "The device's log is not where its index says: start the import again.")

    def _checked(self, rows: Iterable[SourceRow], run: "_Run") -> Iterator[ListRow]:
        for found in read_sheets(rows):
            if isinstance(found, Voter):
                yield check(found.row, found.header, self._book, run.what.village, run.what.source)
            else:
                run.notices.append(found)

    async def _keep(self, listings: Sequence["_Listing"]) -> int:
        """Hold and push `listings`, in the order of the log."""
        if not listings:
            return 0
        last = listings[-1].held
        self._index.hold(
            [one.known for one in listings], [one.held.line for one in listings], LogEnd(last.seq, last.hash)
        )
        return await self.resume()

    def _birth(self, row: "_Row", what: Import) -> "_Listing":
        return self._listing(row, self._append(row, what))

    async def _relistings(self, run: "_Run", what: Import, on_row: Callable[[RowReport], object]) -> list["_Listing"]:
        """The changed rows as events: written last, since their clocks need one reading of the whole
        journal.
        """
        if not run.changed:
            return []
        seen = await self._seen({row.known.voter for row in run.changed if row.known})
        listings = []
        for row in run.changed:
            about = _demand_held(row, seen)
            if clock_is_full(self._log.device, about):
                full = row.refused(Finding("clock_full"))
                run.report([full], [], on_row)
            else:
                listings.append(self._listing(row, self._append(row, what, about)))
        return listings

    def _append(self, row: "_Row", what: Import, about: Sequence[Held] = ()) -> Held:
        person: dict[str, Any] = {"record": row.checked.record, "salt": ids.to_base64url(self._salt())}
        if row.checked.note:
            person["note"] = row.checked.note
        return self._log.append(
            "listed",
            tps=row.checked.tps,
            at=what.at,
            voter=row.known.voter if row.known else None,
            seen=about,
            person=person,
            source=row.checked.source,
        )

    def _listing(self, row: "_Row", held: Held) -> "_Listing":
        known = KnownRow(row.mark, row.checked.tps, held.voter, held.device, held.seq, row.nik, row.fields)
        return _Listing(row, known, held)


def _demand_held(row: "_Row", seen: Mapping[str, Sequence[Held]]) -> Sequence[Held]:
    known = row.known
    about = seen.get(known.voter, ()) if known else ()
    if known is None or all(held.dot != (known.device, known.seq) for held in about):
        raise ListingFault(
            "not_in_journal",
            f"Row {row.checked.place} was listed before, but the journal does not hold that: it is another journal, "
            "or one that was restored. Move the index away, so that it is learned again.",
        )
    return about


def clock_is_full(device: str, about: Sequence[Held]) -> bool:
    """Whether a next event of `device`, which holds `about` of the voter, would be a bad_clock (SPEC §3.9)."""
    own = len({held.seq for held in about if held.device == device})
    others = len({held.device for held in about} - {device})
    return own >= EVENTS_PER_DEVICE_AND_VOTER_MAX or others >= CLOCK_ENTRIES_MAX


async def push_waiting(index: ListingIndex, push: Push) -> int:
    """Push what waits in the outbox; gives the number of its events. Whatever raises leaves the rest waiting."""
    pushed = 0
    while lines := index.waiting(PUSH_EVENTS_MAX):
        for batch in batches(lines):
            await push(batch)
            index.release(wire.read(batch[-1]).seq)
            pushed += len(batch)
    return pushed


def signed_push(key: Key, election: str, lines: Sequence[bytes]) -> bytes:
    """The push of `lines`, consecutive events of `key`'s log."""
    last = wire.read(lines[-1])
    return write_push(lines, sign_head(key, election, last.seq, last.hash))


def batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """`lines` in pushes: at most 1000 each, and at most 900 KB with their line breaks and head (contract §7)."""
    batch: list[bytes] = []
    size = HEAD_BYTES_MAX
    for line in lines:
        if batch and (len(batch) == PUSH_EVENTS_MAX or size + len(line) + 1 > PUSH_BYTES_MAX):
            yield batch
            batch, size = [], HEAD_BYTES_MAX
        batch.append(line)
        size += len(line) + 1
    if batch:
        yield batch


_Item = TypeVar("_Item")


def _chunks(items: Iterable[_Item], most: int) -> Iterator[list[_Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, most)):
        yield chunk


# --- one run ------------------------------------------------------------------------------------------------


class _Row(NamedTuple):
    """A checked row with its marks, what is known of it, and what is to become of it."""

    checked: ListRow
    outcome: str
    findings: tuple[Finding, ...]
    mark: bytes = b""
    nik: bytes = b""
    fields: bytes = b""
    known: KnownRow | None = None

    def refused(self, finding: Finding) -> "_Row":
        return self._replace(outcome=REFUSED, findings=(*self.findings, finding))

    def warned(self, finding: Finding) -> "_Row":
        return self._replace(findings=(*self.findings, finding))


class _Listing(NamedTuple):
    """A row's `listed` event, and how the row is known from then on."""

    row: _Row
    known: KnownRow
    held: Held


class _Run:
    """One file: which rows stood on it, and what became of them."""

    def __init__(self, index: ListingIndex, key: bytes, what: Import) -> None:
        self.what = what
        self.notices: list[Notice] = []
        self.changed: list[_Row] = []
        self.placed: dict[bytes, str] = {}
        self._index = index
        self._key = key
        self._known: dict[str, dict[bytes, KnownRow]] = {}
        self._niks: dict[bytes, str] = {}
        self._outcomes = Counter[str]()
        self._findings = Counter[str]()

    @property
    def is_empty(self) -> bool:
        return not self._outcomes and not self.changed

    def place(self, chunk: Sequence[ListRow]) -> list[_Row]:
        """What is to become of each row of `chunk`; changed rows are kept for the end of the run."""
        marked = [self._marked(row) for row in chunk]
        shared = self._index.with_nik([row.nik for row in marked if row.nik])
        placed = [self._with_nik_findings(row, shared) for row in marked]
        self.changed.extend(row for row in placed if row.outcome == CHANGED)
        return [row for row in placed if row.outcome != CHANGED]

    def _marked(self, checked: ListRow) -> _Row:
        row = _Row(checked, LISTED, checked.findings)
        if checked.is_refused:
            return row._replace(outcome=REFUSED)
        record, nth = checked.record, 1
        mark = first = row_mark.row_mark(self._key, checked.tps, record)
        if first in self.placed:
            if record["nik"]:
                return row.refused(Finding("row_repeated", other=self.placed[first]))
            # Without a NIK, nothing says that two people of one name and birth date are one person.
            while mark in self.placed:
                nth += 1
                mark = row_mark.row_mark(self._key, checked.tps, record, nth)
            row = row.warned(Finding("row_repeated_without_nik", other=self.placed[first]))
        self.placed[mark] = checked.place
        fields = row_mark.field_marks(self._key, mark, record)
        known = self._known_rows(checked.tps).get(mark)
        outcome = LISTED if known is None else UNCHANGED if known.fields == fields else CHANGED
        return row._replace(
            outcome=outcome, mark=mark, nik=row_mark.nik_mark(self._key, record), fields=fields, known=known
        )

    def _known_rows(self, tps: str) -> dict[bytes, KnownRow]:
        if tps not in self._known:
            self._known[tps] = self._index.known(tps)
        return self._known[tps]

    def _with_nik_findings(self, row: _Row, shared: Mapping[bytes, list[KnownRow]]) -> _Row:
        if not row.nik:
            return row
        before = self._niks.setdefault(row.nik, row.checked.place)
        if before != row.checked.place:
            return row.warned(Finding("nik_shared", "nik", other=before))
        others = [known for known in shared.get(row.nik, ()) if known.row != row.mark]
        return row.warned(Finding("nik_known", "nik", other=others[0].tps)) if others else row

    def report(self, rows: Sequence[_Row], listings: Sequence[_Listing], on_row: Callable[[RowReport], object]) -> None:
        voters = {one.known.row: one.known.voter for one in listings}
        for row in rows:
            voter = voters.get(row.mark) or (row.known.voter if row.known else None)
            changed = row_mark.changed_fields(row.known.fields, row.fields) if row.known else ()
            self._outcomes[row.outcome] += 1
            self._findings.update(finding.code for finding in row.findings)
            on_row(RowReport(row.checked.place, row.outcome, row.checked.tps, voter, changed, row.findings))

    def summary(self, pushed: int) -> Summary:
        outcomes = {outcome: self._outcomes[outcome] for outcome in (LISTED, CHANGED, UNCHANGED, REFUSED)}
        gone = [
            GoneRow(tps, known.voter)
            for tps, rows in sorted(self._known.items())
            for mark, known in sorted(rows.items())
            if mark not in self.placed
        ]
        self.notices.extend(self._absent_tps())
        errors, warnings = self._counted("error"), self._counted("warning")
        return Summary(self.what.village, outcomes, errors, warnings, self.notices, gone, pushed)

    def _counted(self, severity: str) -> dict[str, int]:
        return {code: count for code, count in sorted(self._findings.items()) if FINDINGS[code][0] == severity}

    def _absent_tps(self) -> Iterator[Notice]:
        """A TPS that is not on the file at all is one notice, not six hundred rows that are gone."""
        for tps, rows in self._index.rows_by_tps(self.what.village).items():
            if tps not in self._known:
                yield Notice(
                    "tps_absent",
                    "warning",
                    f"TPS {tps} tidak ada di berkas ini; {rows} pemilih yang sudah terdaftar tidak diubah.",
                    f"TPS {tps} is not in this file; its {rows} listed voters were left as they are.",
                )
