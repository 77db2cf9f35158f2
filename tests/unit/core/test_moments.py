"""Moments of the contract, compared without a clock of any machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from ecoklit.core.event import is_time, moment_of

_FIRST, _LAST = datetime(2, 1, 1), datetime(9998, 12, 31)  # noqa: DTZ001 - hypothesis gives the zone
_moments = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0))
_offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(_moments, _offsets, _offsets)
def test_a_moment_is_the_same_in_every_offset(at: datetime, here: timezone, there: timezone) -> None:
    """However a moment is written, it is one number of seconds, and a second later it is one more."""
    written = {at.astimezone(zone).isoformat(timespec="seconds") for zone in (here, there, UTC)}
    written.add(at.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"))
    assert all(map(is_time, written))
    assert len({moment_of(text) for text in written}) == 1
    later = (at + timedelta(seconds=1)).astimezone(there).isoformat(timespec="seconds")
    assert moment_of(later) == moment_of(written.pop()) + 1
