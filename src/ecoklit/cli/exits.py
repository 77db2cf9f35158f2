"""What an exit code of `ecoklit` means, and which error gives which (docs/OPERATING.md lists the same)."""

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    OK = 0
    DIFFERS = 1
    USAGE = 2
    UNREACHABLE = 3
    UNFIT = 4
    LATER = 5
    FAULT = 70
    STOPPED = 130
    PIPE_CLOSED = 141


MEANINGS: Final[dict[Exit, str]] = {
    Exit.OK: "selesai · done",
    Exit.DIFFERS: "sebagian masukan tidak dihitung, atau hasil berbeda · some input does not count, or results differ",
    Exit.USAGE: "perintah atau pengaturan salah · the command or a setting is wrong",
    Exit.UNREACHABLE: "jurnal, basis data atau layanan tidak terjangkau · journal, database or service not reachable",
    Exit.UNFIT: "folder data atau penyimpanan tidak dapat dipakai · a store is locked, unsafe or of another version",
    Exit.LATER: "penuh atau sibuk, tidak ada yang hilang, coba lagi · full or busy, nothing is lost, try again",
    Exit.FAULT: "kesalahan pada ecoklit sendiri · a fault in ecoklit itself",
    Exit.STOPPED: "dihentikan dengan Ctrl-C · stopped with Ctrl-C",
    Exit.PIPE_CLOSED: "pembaca keluaran sudah pergi · the reader of the output went away",
}

EXIT_OF: Final[dict[str, Exit]] = {
    "bad_setting": Exit.USAGE,
    "bad_argument": Exit.USAGE,
    "journal_unavailable": Exit.UNREACHABLE,
    "store_unavailable": Exit.UNREACHABLE,
    "service_unavailable": Exit.UNREACHABLE,
    "journal_unsafe": Exit.UNFIT,
    "journal_hole": Exit.UNFIT,
    "port_in_use": Exit.UNFIT,
    "data_locked": Exit.UNFIT,
    "data_newer": Exit.UNFIT,
    "data_older": Exit.UNFIT,
    "journal_full": Exit.LATER,
    "journal_busy": Exit.LATER,
}
"""By the stable code of an error; every other named error is about the input and exits with `DIFFERS`."""


def exit_of(code: str) -> Exit:
    return EXIT_OF.get(code, Exit.DIFFERS)
