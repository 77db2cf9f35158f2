"""Many events at once, as columns of bytes: whether they are well formed, and what stands where.

Canonical events of one kind differ only in times, names, hashes and numbers, each of a fixed alphabet. So where the
plain reader has read one event, every other event with the same bytes around its words can be checked by columns:
equal where the first one is fixed, of the right alphabet where it varies. What fits no layout is no worse for it: it
goes to the plain reader (`wire.hold`), which stays the authority.
"""

import re
from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from ecoklit.core import ids, wire
from ecoklit.core.causality import clock_fault
from ecoklit.core.event import AnyEvent, Malformed, Moved, is_date

Matrix = NDArray[np.uint8]
Indexes = NDArray[np.int64]

ROWS_MIN: Final = 8
"""Fewer rows than this are read faster one by one."""
LAYOUTS_ALIKE_MAX: Final = 64
"""What is left after so many layouts of one length is read one by one: no input makes the search quadratic."""

_DIGIT, _BASE32, _HEX, _BASE64, _WORD, _LAST_HASH, _LAST_MARK, _SIXTH = (1 << bit for bit in range(8))
_ALPHABETS: Final = {
    _DIGIT: b"0123456789",
    _BASE32: b"abcdefghijklmnopqrstuvwxyz234567",
    _HEX: b"0123456789abcdef",
    _BASE64: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    _WORD: b"abcdefghijklmnopqrstuvwxyz0123456789_-",
    _LAST_HASH: b"AEIMQUYcgkosw048",
    _LAST_MARK: b"AQgw",
    _SIXTH: b"012345",
}
_MEMBER: Final = bytes(sum(bit for bit, letters in _ALPHABETS.items() if byte in letters) for byte in range(256))
"""Of each byte the alphabets that it belongs to."""
_VARIANT: Final = np.isin(np.arange(256), list(b"89ab"))
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_HEX_DIGITS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)

_MEMBERS = re.compile(rb'"([a-z_]+)":(?:"([^"]*)"|\{([^}]*)\}|\[([^\]]*)\]|([0-9]+))').finditer
_CLOCK = re.compile(rb'"([a-z2-7]{16})":([0-9]+)').finditer
_MARKS = re.compile(rb'"([A-Za-z0-9_-]{22})"').finditer
_SEQ_DIGITS_MAX: Final = 15
_DEVICE_MIN: Final = len('{"at":"dddd-dd-ddTdd:dd:ddZ","clock":')
"""Where an event's own device can stand at the earliest."""


class Layout(msgspec.Struct, frozen=True):
    """Where the words stand in the bytes of every event like the first one that was read, which is `event`."""

    event: AnyEvent
    first: Matrix
    """The first event's bytes; those of varying words mean nothing."""
    alphabets: Matrix
    """For each byte the alphabet that it is of; 0 where it is fixed."""
    spans: dict[str, slice]
    clock: list[tuple[slice, slice]]
    marks: list[slice]

    @property
    def clock_span(self) -> slice:
        """Where the clock's members stand, with what is between them."""
        return slice(self.clock[0][0].start - 1, self.clock[-1][1].stop)

    def fits(self, rows: Matrix, members: Matrix) -> NDArray[np.bool_]:
        """Which of these rows are well-formed events like the first; `members` tells each byte's alphabets."""
        same = rows == self.first
        same &= self.alphabets == 0
        well_formed = members & self.alphabets
        well_formed |= same.view(np.uint8)
        good: NDArray[np.bool_] = np.logical_and.reduce(well_formed, axis=1)
        good &= self._names_itself(rows)
        for (before, _), (after, _) in pairwise(self.clock):
            good &= words(rows, before) < words(rows, after)
        for seq in (self.spans["seq"], *(seq for _, seq in self.clock)):
            good &= rows[:, seq.start] != ord("0")
        good &= _is_variant(rows[:, self.spans["voter"].start + 19])
        good &= _two(rows[:, self.spans["tps"]], 0) >= 11  # provinces are 11 to 99
        return good & self._stays_in_reach(rows) & _is_time(rows[:, self.spans["at"]])

    def _names_itself(self, rows: Matrix) -> NDArray[np.bool_]:
        device, seq = rows[:, self.spans["device"]], rows[:, self.spans["seq"]]
        own = np.zeros(len(rows), np.bool_)
        for entry_device, entry_seq in self.clock:
            if entry_seq.stop - entry_seq.start == seq.shape[1]:
                own |= (rows[:, entry_device] == device).all(axis=1) & (rows[:, entry_seq] == seq).all(axis=1)
        return own

    def _stays_in_reach(self, rows: Matrix) -> NDArray[np.bool_]:
        """A move is as the first one: within the village, or from the same regency to the same area."""
        tps = rows[:, self.spans["tps"]]
        if "to" in self.spans:
            near: NDArray[np.bool_] = (rows[:, self.spans["to"]][:, :10] == tps[:, :10]).all(axis=1)
            return near
        if isinstance(self.event, Moved):
            same: NDArray[np.bool_] = (tps[:, :4] == self.first[self.spans["tps"]][:4]).all(axis=1)
            return same
        return np.ones(len(rows), np.bool_)


def survey(bodies: Sequence[bytes]) -> Iterator[tuple[Layout, Indexes, Matrix]]:
    """The event bytes that fit a layout, by layout: their places in `bodies`, and they themselves as rows."""
    alike: dict[tuple[int, int], list[int]] = {}
    for place, body in enumerate(bodies):
        alike.setdefault((len(body), body.find(b'"device"', _DEVICE_MIN)), []).append(place)
    for (length, _), places in alike.items():
        if length and len(places) >= ROWS_MIN:
            data = b"".join([bodies[place] for place in places])
            rows, members = (
                np.frombuffer(kind, np.uint8).reshape(-1, length) for kind in (data, data.translate(_MEMBER))
            )
            yield from _survey(np.array(places), rows, members)


def _survey(places: Indexes, rows: Matrix, members: Matrix) -> Iterator[tuple[Layout, Indexes, Matrix]]:
    for _ in range(LAYOUTS_ALIKE_MAX):
        if len(places) < ROWS_MIN:
            return
        layout = layout_of(rows[0].tobytes())
        fit = np.zeros(len(places), np.bool_) if layout is None else layout.fits(rows, members)
        if layout is not None:
            order = np.flatnonzero(fit)
            # What is about one voter is then made, and found again, near each other in memory.
            order = order[np.argsort(words(rows, layout.spans["voter"])[order])]
            yield layout, places[order], rows[order]
        fit[0] = True  # the first row is dealt with, one way or the other
        if fit.all():
            return
        places, rows, members = places[~fit], rows[~fit], members[~fit]


def layout_of(body: bytes) -> Layout | None:
    """The layout of an event's bytes; None when it is no good one, or says something that has none."""
    try:
        held = wire.hold(body, None)
    except Malformed:
        return None
    event = held.event
    if event is None or clock_fault(held) is not None or event.visited is not UNSET:
        return None
    spans, clock, marks = _spans(body)
    if "to" in spans and ids.village_of(body[spans["to"]].decode()) != ids.village_of(event.tps):
        return None
    if max(seq.stop - seq.start for _, seq in clock) > _SEQ_DIGITS_MAX:
        return None
    alphabets = np.zeros(len(body), np.uint8)
    for name, span in (
        *spans.items(),
        *(("device", device) for device, _ in clock),
        *(("seq", seq) for _, seq in clock),
        *(("mark", mark) for mark in marks),
    ):
        alphabets[span] = _alphabet(name, span.stop - span.start)
    return Layout(event, np.frombuffer(body, np.uint8), alphabets, spans, clock, marks)


def _spans(body: bytes) -> tuple[dict[str, slice], list[tuple[slice, slice]], list[slice]]:
    spans: dict[str, slice] = {}
    clock: list[tuple[slice, slice]] = []
    marks: list[slice] = []
    for member in _MEMBERS(body, 1):
        name = member[1].decode()
        if name == "clock":
            clock = [(_shift(one, 1, member.start(3)), _shift(one, 2, member.start(3))) for one in _CLOCK(member[3])]
        elif name == "saw":
            marks = [_shift(one, 1, member.start(4)) for one in _MARKS(member[4])]
        elif name == "seq":
            spans[name] = slice(*member.span(5))
        elif name in ("at", "device", "officer", "person", "prev", "to", "tps", "voter"):
            spans[name] = slice(*member.span(2))
    return spans, clock, marks


def _shift(found: re.Match[bytes], group: int, by: int) -> slice:
    return slice(found.start(group) + by, found.end(group) + by)


_AT: Final = "dddd-dd-ddTdd:sd:sd+dd:sd"
_VOTER: Final = "hhhhhhhh-hhhh-8hhh-hhhh-hhhhhhhhhhhh"
_LETTERS: Final = {"d": _DIGIT, "s": _SIXTH, "h": _HEX}


def _alphabet(name: str, length: int) -> list[int]:
    """The alphabet of each byte of a word of this length; 0 where the byte is fixed."""
    if name in ("at", "voter"):
        return [_LETTERS.get(sort, 0) for sort in (_AT[:length] if name == "at" else _VOTER)]
    if name in ("person", "prev"):
        return [_BASE64] * (length - 1) + [_LAST_HASH]
    if name == "mark":
        return [_BASE64] * (length - 1) + [_LAST_MARK]
    return [{"device": _BASE32, "officer": _WORD, "seq": _DIGIT, "to": _DIGIT, "tps": _DIGIT}[name]] * length


def _is_variant(column: Matrix) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = _VARIANT[column]
    return known


def _is_time(at: Matrix) -> NDArray[np.bool_]:
    good: NDArray[np.bool_] = _two(at, 11) < 24
    if at.shape[1] > 20:
        good &= _two(at, 20) < 24
    days = words(at, slice(0, 10))
    for day in set(days.tolist()):
        if not is_date(day.decode("latin-1")):
            good &= days != day
    return good


def _two(rows: Matrix, column: int) -> NDArray[np.uint8]:
    return (rows[:, column] - 48) * 10 + (rows[:, column + 1] - 48)


def words(rows: Matrix, span: slice) -> NDArray[np.bytes_]:
    """The words that stand in these columns."""
    part = np.ascontiguousarray(rows[:, span])
    return part.view(f"S{part.shape[1]}").ravel()


def texts(rows: Matrix, span: slice) -> list[str]:
    """The words that stand in these columns, as text."""
    size = span.stop - span.start
    text = np.ascontiguousarray(rows[:, span]).tobytes().decode("ascii")
    return [text[at : at + size] for at in range(0, len(text), size)]


def recurring(rows: Matrix, span: slice) -> list[str]:
    """The same, for words of which there are few: equal ones are one object, made and looked at once."""
    if len(rows) and (rows[:, span] == rows[0, span]).all():
        return [rows[0, span].tobytes().decode("ascii")] * len(rows)
    return list(map(_text, words(rows, span).tolist()))


@lru_cache(maxsize=1 << 16)
def _text(word: bytes) -> str:
    return word.decode("ascii")


def numbers(rows: Matrix, span: slice) -> list[int]:
    """The numbers that stand in these columns, all of one length."""
    digits = rows[:, span].astype(np.int64) - 48
    found: list[int] = (digits @ 10 ** np.arange(digits.shape[1] - 1, -1, -1)).tolist()
    return found


def slices(rows: Matrix) -> list[bytes]:
    """Each row's bytes."""
    data, size = np.ascontiguousarray(rows).tobytes(), rows.shape[1]
    return [data[at : at + size] for at in range(0, len(data), size)]


def joined(rows: Matrix, template: bytes, spans: Sequence[slice]) -> list[bytes]:
    """The template for each row, its zero bytes filled with the words that stand in these columns."""
    first, *others = (np.frombuffer(part, np.uint8) for part in template.split(b"\0"))
    pieces = [np.broadcast_to(first, (len(rows), len(first)))]
    for span, part in zip(spans, others, strict=True):
        pieces += [rows[:, span], np.broadcast_to(part, (len(rows), len(part)))]
    return slices(np.concatenate(pieces, axis=1))


def unbase64(rows: Matrix, span: slice) -> Matrix:
    """The bytes that base64url without padding in these columns stands for."""
    size = span.stop - span.start
    # Filled up with zero bits to whole groups, since padding would end the first row.
    filled = np.full((len(rows), size + -size % 4), ord("A"), np.uint8)
    filled[:, :size] = rows[:, span]
    data = a2b_base64(filled.tobytes().translate(_STANDARD))
    return np.frombuffer(data, np.uint8).reshape(len(rows), -1)[:, : size * 6 // 8]


def marks(rows: Matrix, spans: Sequence[slice]) -> list[bytes]:
    """The marks that stand in these columns, those of one row together."""
    return slices(np.concatenate([unbase64(rows, span) for span in spans], axis=1))


def voter_ids(digests: bytes) -> Matrix:
    """The voter ids (36 characters each) that these births' SHA-256 digests give (SPEC §1)."""
    head = np.frombuffer(digests, np.uint8).reshape(-1, 32)[:, :16].copy()
    head[:, 6] = (head[:, 6] & 0x0F) | 0x80
    head[:, 8] = (head[:, 8] & 0x3F) | 0x80
    digits = np.stack([_HEX_DIGITS[head >> 4], _HEX_DIGITS[head & 15]], axis=2).reshape(len(head), 32)
    ids = np.full((len(head), 36), ord("-"), np.uint8)
    ids[:, [place for place in range(36) if place not in (8, 13, 18, 23)]] = digits
    return ids
