"""The office's log: sealed, whole after a torn write, and each push with its own receipt."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ecoklit.adapters.office_log import FILE, OfficeLog
from ecoklit.core import ids, wire
from ecoklit.core.receipt import Receipt, sign_receipt
from ecoklit.core.sealing import NotOpened
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_pushes import two_voters

OFFICE, SERVICE = made_up_key(1, "office"), made_up_key(1, "service")


def receipt(seq: int) -> bytes:
    said = Receipt(
        device=OFFICE.device, election="test-2024", epoch=1, head=ids.to_base64url(bytes(32)), position={},
        regency="9404", registry=1, seq=seq, standings=[],
    )  # fmt: skip
    return sign_receipt(SERVICE, said).line


def test_pushes_come_back_with_their_receipts(tmp_path: Path) -> None:
    """What was kept comes back in order; a push whose answer never came has no receipt, the end is what one says."""
    log = OfficeLog(tmp_path, OFFICE)
    assert (list(log.pushes()), log.end()) == ([], 0)
    log.keep(b"one")
    log.keep_receipt(receipt(3) + b"\n")
    log.keep(b"two")
    log.keep(b"two and more")
    log.keep_receipt(receipt(7))
    log.keep(b"three")
    again = OfficeLog(tmp_path, OFFICE)
    assert list(again.pushes()) == [
        (b"one", receipt(3)),
        (b"two", None),
        (b"two and more", receipt(7)),
        (b"three", None),
    ]
    assert again.end() == 7


@pytest.mark.parametrize("torn", [1, 40, 100])
def test_a_torn_line_harms_no_other(tmp_path: Path, torn: int) -> None:
    """A power cut in the middle of a line loses that line only, which was never sent."""
    log = OfficeLog(tmp_path, OFFICE)
    log.keep(b"one")
    whole = (tmp_path / FILE).stat().st_size
    log.keep(b"two")
    with (tmp_path / FILE).open("r+b") as file:
        file.truncate(whole + torn)
    log.keep(b"three")
    assert [push for push, _ in log.pushes()] == [b"one", b"three"]


def test_a_torn_receipt_is_none(tmp_path: Path) -> None:
    """A receipt that was cut where a brace closes is taken for no receipt."""
    log = OfficeLog(tmp_path, OFFICE)
    log.keep(b"one")
    with (tmp_path / FILE).open("ab") as file:
        file.write(receipt(3).partition(b"}")[0] + b"}")
    log.keep(b"two")
    assert (list(log.pushes()), log.end()) == ([(b"one", None), (b"two", None)], 0)


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """No particulars stand in the file, which another key does not open and its owner alone may read."""
    OfficeLog(tmp_path, OFFICE).keep(b"Budi Contoh")
    assert b"Budi" not in (tmp_path / FILE).read_bytes()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    with pytest.raises(NotOpened):
        list(OfficeLog(tmp_path, SERVICE).pushes())


def test_it_is_kept_without_whoever_is_erased(tmp_path: Path) -> None:
    """Every push comes back in its place with its receipt and its head, without the persons that are erased."""
    held, body = two_voters()
    log = OfficeLog(tmp_path, OFFICE)
    log.keep(body)
    log.keep_receipt(receipt(2))
    log.keep(b"two\n")
    assert log.erase(lambda voter: voter == held[1].voter) == 1
    without = body.replace(held[1].line, wire.write(held[1].event_bytes, None))
    assert list(OfficeLog(tmp_path, OFFICE).pushes()) == [(without, receipt(2)), (b"two\n", None)]
    assert log.erase(lambda voter: voter == held[1].voter) == 0
    log.keep(b"three")
    assert [push for push, _ in log.pushes()] == [without, b"two\n", b"three"]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
