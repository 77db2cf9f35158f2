"""Processes that are killed, stopped, cut off and filled up, for real: a short form of each part of `make chaos`."""

from __future__ import annotations

import pytest

from ecoklit.testing.chaos import full, kill, links, order, power, proxy, stopped
from ecoklit.testing.chaos.options import CannotRun, Options
from ecoklit.testing.chaos.table import EQUAL, Row

QUICK = Options(seed=1, quick=True)


def rows_of(part: object) -> list[Row]:
    """The rows of a part; a machine that cannot run it skips the test, and says why."""
    try:
        return part.run(QUICK)  # type: ignore[attr-defined, no-any-return]
    except CannotRun as why:
        pytest.skip(why.message)


def assert_kept(row: Row) -> None:
    assert row.holds, row
    assert (row.lost, row.doubled, row.digests) == (0, 0, EQUAL)
    assert row.acknowledged > 0


def test_kill_9_loses_and_doubles_nothing() -> None:
    """Broker, database, service, projector and phones are killed under load: what was receipted is in the journal,
    once, what was saved is on its phone, and fold, projection and rebuild have one digest."""
    (row,) = rows_of(kill)
    assert_kept(row)
    assert set(row.faults) == set(kill.VICTIMS)


def test_a_power_cut_loses_nothing_and_the_control_loses() -> None:
    """From what the disk held at one moment everything that was receipted, and saved on phones, comes back; with the
    broker's default, and a database without fsync, the same harness loses."""
    kept, broker, database = rows_of(power)
    assert_kept(kept)
    assert broker.holds and broker.lost > 0, broker
    assert database.holds and database.lost > 0, database


def test_the_disk_has_it_before_anybody_is_told() -> None:
    """No acknowledgement leaves the broker, and no phone says 'saved', before the fsync; strace sees the broker's
    default do it the other way round."""
    broker, phone, unsafe = rows_of(order)
    assert broker.holds and broker.acknowledged > 0, broker
    assert phone.holds and phone.acknowledged > 0, phone
    assert unsafe.holds and unsafe.lost > 0, unsafe


def test_a_full_disk_makes_phones_wait() -> None:
    """While the broker's disk is full, pushes are answered 503 with Retry-After, the service is not ready, and phones
    keep all they say; with room again everything arrives, once."""
    (row,) = rows_of(full)
    assert_kept(row)


def test_a_broker_that_stands_still_loses_nothing() -> None:
    """A stopped broker makes phones wait as a full disk does; a stopped database does not keep pushes out."""
    (row,) = rows_of(stopped)
    assert_kept(row)


def test_a_link_that_goes_down_in_a_push_loses_nothing() -> None:
    """Phones behind a link of their own, which is put down while they speak, send everything once it is up."""
    (row,) = rows_of(links)
    assert_kept(row)


def test_an_unruly_network_loses_nothing() -> None:
    """Delays, cuts, halves and repetitions, before the service and before the broker, change nothing in the end."""
    (row,) = rows_of(proxy)
    assert_kept(row)
    assert len(row.faults) == 8
