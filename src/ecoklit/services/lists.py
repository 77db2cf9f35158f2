"""Every list that can be asked for by pages: its columns, its order, and what it takes. Data, and the reading of it.

A question is read strictly: a parameter that a list does not know would otherwise be passed over, and whoever mistyped
a filter would take the whole list for the part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

import msgspec

from ecoklit.core import ids
from ecoklit.errors import EcoklitError
from ecoklit.ports import Only, Order
from ecoklit.services.as_of import COUNTS, LEVELS, moment_in
from ecoklit.services.figures import FIRST_START, LAST_START, LIKENESS, LIKENESS_MIN, LIMIT_MAX, TPS_VOTERS_MAX
from ecoklit.services.stages import STAGES

PAGE_ROWS: Final = 1_000
PAGE_ROWS_MAX: Final = 10_000
FILTER_VALUES_MAX: Final = 100

Kind = Literal["text", "words", "integer", "number", "boolean", "day", "event"]
"""`words` are several texts in one column; `event` is an event's own object."""


class Column(msgspec.Struct, frozen=True):
    """A column of a list. `is_filter`: rows can be chosen by it; `known` are then the only values that it has.

    Nothing by which somebody could be looked up is a filter: what is asked for stands in addresses.
    """

    name: str
    kind: Kind = "text"
    is_filter: bool = False
    known: tuple[str, ...] = ()


class Argument(msgspec.Struct, frozen=True):
    """What a list takes beside an area: a word of `known`, or a number or day from `least` to `most`."""

    name: str
    kind: Literal["word", "integer", "number", "day"]
    about: str
    default: Any = None
    known: tuple[str, ...] = ()
    least: Any = None
    most: Any = None


class List(msgspec.Struct, frozen=True):
    """A list: `name` is that of its query where the database gives it; `order` ends with its key."""

    name: str
    about: str
    columns: tuple[Column, ...]
    order: tuple[Order, ...]
    arguments: tuple[Argument, ...] = ()
    subject: Literal["area", "tps", "voter"] = "area"
    reads_registry: bool = False

    @property
    def names_voters(self) -> bool:
        return not {"voter", "members"}.isdisjoint(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


class Question(msgspec.Struct, frozen=True):
    """What is asked of a list. `subject` is an area, a TPS or a voter; `arguments` are in the order of the list's.

    `fields` are the columns that are wanted, None for all.
    """

    listed: List
    subject: str
    arguments: tuple[Any, ...]
    only: tuple[Only, ...]
    fields: tuple[str, ...] | None
    rows_max: int
    cursor: str
    at: int | datetime | str | None

    @property
    def regency(self) -> str:
        return self.subject[:4]

    @property
    def mark(self) -> str:
        """Tells this question from every other one, whatever page of it is asked for."""
        said = [
            self.listed.name, self.subject, [str(one) for one in self.arguments],
            [[one.column, [str(value) for value in one.values]] for one in self.only],
            self.fields, self.rows_max, str(self.at),
        ]  # fmt: skip
        return ids.to_base64url(hashlib.sha256(msgspec.json.encode(said)).digest()[:16])


ROLES: Final = ("pantarlih", "pps", "ppk", "kpu")
VERDICTS: Final = ("unvisited", "confirmed", "moved_away", "deceased", "disqualified")
_WHO: Final = (Column("officer", is_filter=True), Column("role", is_filter=True, known=ROLES))
_DOT: Final = (Column("device", is_filter=True), Column("seq", "integer"))
_POSITION: Final = Column("position", "integer")
_AGE: Final = Column("age", "integer")
"""For supervisors, who get no birth date."""
_PARTS: Final = ("district", "village", "tps")


def _texts(names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names.split())


def _integers(names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "integer") for name in names.split())


def _filters(names: str) -> tuple[Column, ...]:
    return tuple(Column(name, is_filter=True) for name in names.split())


def _by(*names: str) -> tuple[Order, ...]:
    return tuple(Order(name) for name in names)


ROLL: Final = List(
    "roll",
    "The current list of one TPS, by name as on paper (view `voter_list`), with the digest of its whole roll.",
    (
        *_texts("regency voter nkk nik name birth_place birth_date"),
        _AGE,
        Column("marital", is_filter=True, known=("B", "S", "P")),
        Column("sex", is_filter=True, known=("L", "P")),
        *_texts("address rt rw"),
        Column(
            "disability",
            is_filter=True,
            known=("physical", "intellectual", "mental", "speech", "hearing", "visual"),
        ),
        Column("ektp", is_filter=True, known=("S", "B")),
        Column("remark", is_filter=True, known=("belum", "sesuai", "ubah", "baru")),
        *_filters("source"),
        *_texts("tps"),
        *_filters("first_tps"),
        Column("attempts", "integer", is_filter=True),
        Column("conflicts", "words", is_filter=True),
        Column("proposed", "words", is_filter=True),
    ),
    (Order("name", absent_last=True), Order("voter")),
    subject="tps",
)
RECAP: Final = List(
    "recap",
    "The counts of every part of an area (view `recap`): of a village its TPS, of a district its villages, unless "
    "another level is asked for. Cells of a disability that would tell of few people are null.",
    (*_texts("regency level area"), *_integers("tps_count"), *_integers(" ".join(COUNTS))),
    _by("area"),
    (Argument("level", "word", "The parts: the next below the area unless given", known=tuple(LEVELS)),),
)
CONFLICTS: Final = List(
    "conflicts",
    "Every side of every open conflict in an area (view `open_conflicts`), the most consequential first, among equals "
    "the oldest. `weight`: 0 whether the voter is on the list, 1 on which, 2 for which reason off it, 3 a particular; "
    "`opened`: the position of the event by which it became a conflict.",
    (
        *_texts("regency tps voter"),
        *_filters("register"),
        *_texts("value"),
        Column("wins", "boolean", is_filter=True),
        *_filters("type"),
        *_WHO,
        *_texts("at_tps at"),
        *_DOT,
        _POSITION,
        Column("weight", "integer", is_filter=True),
        *_integers("opened"),
    ),
    _by("weight", "opened", "voter", "register", "device", "seq"),
)
PROPOSALS: Final = List(
    "proposals",
    "Every proposal that waits for a ruling in an area (view `proposals`): about voters on the list (`weight` 0) "
    "first, among them the oldest.",
    (
        *_texts("regency tps voter"),
        *_filters("proposal"),
        Column("verdict", is_filter=True, known=VERDICTS),
        *_filters("evidence"),
        *_WHO,
        *_texts("at_tps at"),
        *_DOT,
        _POSITION,
        Column("weight", "integer", is_filter=True),
    ),
    _by("weight", "position", "voter", "proposal"),
)
HISTORY: Final = List(
    "history",
    "Every event about one voter, in order of arrival, with its standing (view `voter_history`).",
    (
        *_texts("regency voter"),
        _POSITION,
        *_DOT,
        *_filters("standing type"),
        *_texts("tps"),
        *_WHO,
        *_texts("at"),
        Column("event", "event"),
    ),
    _by("regency", "position"),
    subject="voter",
)
MOVERS: Final = List(
    "movers",
    "Who moved from or to an area, left it, or is said to have left (view `movers`): a move shows at both ends.",
    (
        *_texts("regency voter"),
        *_filters("from_tps to_tps to_area"),
        Column("state", is_filter=True, known=("awaited", "met", "removed", "gone", "proposed")),
        Column("is_disputed", "boolean", is_filter=True),
        *_filters("evidence"),
        *_WHO,
        *_DOT,
        _POSITION,
    ),
    _by("from_tps", "voter"),
)
FAMILIES: Final = List(
    "split_families",
    "Families on the lists of several TPS, one of which lies in the area (view `split_families`).",
    (*_texts("regency nkk"), *_integers("voters"), Column("tps", "words"), Column("members", "words")),
    _by("tps", "members"),
)
LARGE: Final = List(
    "large_tps",
    "TPS with more voters on their list than `voters_max`, the largest first.",
    (*_texts("tps"), *_integers("on_list over")),
    (Order("on_list", descending=True), Order("tps")),
    (Argument("voters_max", "integer", "The most voters of a TPS", default=TPS_VOTERS_MAX, least=0, most=LIMIT_MAX),),
)
DUPLICATES: Final = List(
    "duplicates",
    "Groups of voters who may be one person, one row for each member; `members` names the group. A person decides.",
    (
        *_integers("cluster"),
        Column("kind", is_filter=True, known=("nik", "name_and_birth", "similar")),
        Column("likeness", "number"),
        Column("members", "words"),
        *_texts("voter tps name birth_date"),
        _AGE,
        *_texts("sex nik nkk"),
    ),
    (Order("kind"), Order("likeness", descending=True), Order("members"), Order("tps"), Order("voter")),
    (
        Argument(
            "likeness",
            "number",
            "Least likeness of the names of people born on one day",
            default=LIKENESS,
            least=LIKENESS_MIN,
            most=1,
        ),
    ),
)
PROGRESS: Final = List(
    "progress",
    "Entries that count, by part of the area, day and kind.",
    (*_texts("area"), Column("day", "day"), *_filters("kind"), *_integers("n")),
    (Order("area"), Order("day", as_text=True), Order("kind")),
    (Argument("level", "word", "The parts: the next below the area unless given", known=_PARTS),),
)
REPORTS: Final = List(
    "reports",
    "Officers' reports of a day, of ten days or of all, in the lines A to E of Model A-Laporan Hasil Coklit.",
    (
        *_filters("officer tps"),
        Column("since", "day"),
        Column("until", "day"),
        *_integers("a_received b_new c_filtered d_corrected e_disabled not_met"),
    ),
    (Order("officer"), Order("tps"), Order("since", as_text=True)),
    (
        Argument("span", "word", "Of a day, of ten days, or of all", "final", known=("daily", "ten_days", "final")),
        Argument(
            "start",
            "day",
            "First day of coklit, from which ten days count; unless given, of any entry",
            least=FIRST_START,
            most=LAST_START,
        ),
    ),
)
LATE: Final = List(
    "late",
    "Entries kept out of the count because coklit of their area was closed (view `late_entries`), as they came.",
    (*_texts("regency tps voter"), *_filters("type"), *_WHO, *_texts("at"), *_DOT, _POSITION),
    _by("position"),
)
HEALTH: Final = List(
    "devices_health",
    "Every device with a right in an area: its last contact, how much came since, what waits or does not count.",
    (
        *_filters("device officer"),
        Column("rights", "event"),
        *_integers("held position revoked_from cloned_at lost_after behind parked quarantined late"),
        *_texts("last_heard"),
    ),
    _by("device"),
    reads_registry=True,
)
ADVICE: Final = List(
    "advice",
    "Visits that deserve a second look. Advice for people only: no merge reads it, and no list changes by it.",
    (
        Column("kind", is_filter=True, known=("hurried", "impossible_travel", "at_night", "others_phone")),
        *_filters("device officer"),
        *_integers("first_seq last_seq"),
        Column("amount", "number"),
    ),
    _by("device", "first_seq", "kind", "last_seq"),
    reads_registry=True,
)

LISTS: Final = (
    ROLL, RECAP, CONFLICTS, PROPOSALS, HISTORY, MOVERS, FAMILIES, LARGE, DUPLICATES, PROGRESS, REPORTS, LATE, HEALTH,
    ADVICE,
)  # fmt: skip


# --- reading a question ----------------------------------------------------------------------------------------------


def read_question(listed: List, subject: str, said: Sequence[tuple[str, str]]) -> Question:
    """What `said` (names and values, as they came) asks of a list about `subject`.

    Raises EcoklitError unknown_area, unknown_voter, or bad_argument, which names what there is to ask.
    """
    subject = _subject(listed, subject)
    given = _once(listed, said)
    return Question(
        listed,
        subject,
        tuple(_argument(one, given.get(one.name), subject) for one in listed.arguments),
        tuple(_only(column, given[column.name]) for column in listed.columns if column.name in given),
        _fields(listed, given.get("fields")),
        _rows_max(given.get("limit")),
        given.get("cursor", ""),
        _moment(given["as_of"]) if "as_of" in given else None,
    )


def _moment(text: str) -> int | datetime | str:
    """A position, a time, or the name of a stage, which the registry knows. Raises EcoklitError bad_argument."""
    return text if text in STAGES else moment_in(text)


def parameters_of(listed: List) -> tuple[str, ...]:
    """The names of all that can be said to a list."""
    own = (*(one.name for one in listed.arguments), *(one.name for one in listed.columns if one.is_filter))
    return (*own, "fields", "limit", "cursor", "as_of")


def level_below(area: str) -> str:
    """The level of the parts of an area, unless another is asked for."""
    return {4: "district", 6: "village"}.get(len(area), "tps")


def demand_area(area: str) -> str:
    """`area` as bare digits. Raises EcoklitError unknown_area."""
    bare = area.replace(".", "")
    if len(bare) > 2 and (ids.is_area(bare) or ids.is_tps(bare)):
        return bare
    # What was asked for instead is not repeated: it may be somebody's number.
    raise EcoklitError(
        "unknown_area", "That is no area here: give a regency (4 digits), district (6), village (10) or TPS (13)."
    )


def _subject(listed: List, subject: str) -> str:
    if listed.subject == "voter":
        if not ids.is_voter(subject):
            raise EcoklitError(
                "unknown_voter", "A voter's id has 36 characters, as in 20a136e2-4c5f-8ec7-a2f4-cde6e20457a0."
            )
        return subject
    area = demand_area(subject)
    if listed.subject == "tps" and not ids.is_tps(area):
        raise EcoklitError("unknown_area", "That is no TPS: give its 13 digits (village 10, then TPS 3).")
    return area


def _once(listed: List, said: Sequence[tuple[str, str]]) -> dict[str, str]:
    known = parameters_of(listed)
    given: dict[str, str] = {}
    for name, value in said:
        if name not in known:
            # The name itself is not repeated: it may be anything.
            raise _bad(f"This list has no such parameter: it takes {', '.join(known)}.")
        if name in given:
            raise _bad(f"{name} is there twice: give it once, with commas between its values.")
        given[name] = value
    return given


def _argument(one: Argument, text: str | None, subject: str) -> Any:
    if text is None:
        return level_below(subject) if one.name == "level" else one.default
    if one.kind == "word":
        if text not in one.known:
            raise _bad(f"{one.name} is one of {', '.join(one.known)}: give one of these.")
        return text
    value = _read(text, {"integer": int, "number": float, "day": date.fromisoformat}[one.kind])
    if value is None or not one.least <= value <= one.most:
        raise _bad(f"{one.name} is a {_NAMES[one.kind]} from {one.least} to {one.most}: give one of these.")
    return value


_NAMES: Final = {"integer": "whole number", "number": "number", "day": "day"}
_WORDS_OF: Final[Mapping[str, bool]] = {"true": True, "false": False}


def _read(text: str, read: Any) -> Any:
    try:
        return read(text) if text.isascii() and len(text) <= 20 else None
    except ValueError:
        return None


def _only(column: Column, text: str) -> Only:
    values = tuple(text.split(","))
    if len(values) > FILTER_VALUES_MAX:
        raise _bad(f"{column.name} has more than {FILTER_VALUES_MAX} values: ask for fewer at once.")
    return Only(column.name, tuple(_value(column, value) for value in values), column.kind == "words")


def _value(column: Column, text: str) -> object:
    if column.kind == "boolean":
        if text not in _WORDS_OF:
            raise _bad(f"{column.name} is true or false: give one of these.")
        return _WORDS_OF[text]
    if column.kind == "integer":
        number = _read(text, int)
        if number is None or not 0 <= number < 2**31:
            raise _bad(f"{column.name} is a whole number from 0: give one.")
        return number
    if column.known and text not in column.known:
        raise _bad(f"{column.name} is one of {', '.join(column.known)}: give some of these, with commas between.")
    if "\0" in text or len(text) > 64:
        raise _bad(f"{column.name} is a word of up to 64 characters: give one.")
    return text


def _fields(listed: List, text: str | None) -> tuple[str, ...] | None:
    names = tuple(column.name for column in listed.columns)
    if text is None:
        return None
    asked = tuple(dict.fromkeys(text.split(",")))
    if not set(asked) <= set(names):
        raise _bad(f"fields are some of {', '.join(names)}: give these with commas between.")
    return asked


def _rows_max(text: str | None) -> int:
    if text is None:
        return PAGE_ROWS
    rows = _read(text, int)
    if rows is None or not 1 <= rows <= PAGE_ROWS_MAX:
        raise _bad(f"limit is a whole number from 1 to {PAGE_ROWS_MAX}: give one, and go on with cursor.")
    return int(rows)


def _bad(message: str) -> EcoklitError:
    return EcoklitError("bad_argument", message)
