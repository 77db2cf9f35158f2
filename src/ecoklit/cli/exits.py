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

_BY_EXIT: Final[dict[Exit, tuple[str, ...]]] = {
    Exit.USAGE: (
        "bad_setting", "bad_argument", "unknown_area", "unknown_voter", "unknown_event", "unknown_file",
        "not_projected", "not_enrolled", "ambiguous_voter", "no_tps", "no_phone", "file_exists", "export_not_written",
        "bad_export", "not_yours", "not_installed",
        "bad_policy", "bad_log_key", "no_log", "no_export", "not_exported", "no_witness", "witness_exists",
        "no_village", "bad_village", "unknown_village", "village_elsewhere", "no_file", "unknown_format",
        "bad_passphrase", "wrong_passphrase", "bad_kit", "bad_seal", "kit_exists", "other_election", "bad_tps",
        "bad_code", "late_code", "bad_key_line", "bad_invitation", "bad_name", "bad_nkey", "bad_days",
        "sql_refused", "unknown_account", "unknown_request", "no_reason", "unknown_login", "login_taken",
        "bad_account", "bad_login", "bad_password", "unknown_approval", "own_approval", "answered_before",
        "not_signed_in", "bad_ruling", "bad_remap", "bad_marks", "unknown_stage", "stage_unreadable",
    ),
    Exit.UNREACHABLE: (
        "journal_unavailable", "broker_refused", "broker_unavailable", "database_unavailable", "database_refused",
        "service_unavailable", "wrong_service", "log_unavailable",
    ),
    Exit.UNFIT: (
        "journal_unsafe", "journal_hole", "journal_damaged", "journal_restored", "journal_refused",
        "export_in_use", "export_damaged", "journal_not_empty",
        "data_in_use", "data_newer", "data_older", "data_unreadable", "data_folder_in_use", "data_folder_version",
        "phone_in_use", "phone_newer", "phone_damaged",
        "store_in_use", "store_newer", "store_doubtful", "bad_credentials", "schema_version", "database_fault",
        "database_damaged",
        "journals_missing",
        "port_in_use", "projector_taken", "bad_installation", "no_paper",
        "nats_server_missing", "nats_server_failed",
        "index_in_use", "bad_index", "newer_index", "no_index", "bad_key", "no_key", "other_key", "bad_device",
        "key_exists", "other_device", "out_of_step", "cloned_log", "other_journal", "not_in_journal",
        "log_in_use", "log_damaged", "log_out_of_step", "log_lost", "log_turned_back", "witness_in_use", "bad_history",
        "forked_log",
        "office_exists", "other_office", "no_office", "office_in_use", "office_newer", "office_damaged",
        "registry_unknown", "bad_registry", "other_root", "no_broker_keys", "not_let_erase", "index_behind",
        "roll_differs",
    ),
    Exit.LATER: ("journal_full", "phone_not_written", "journal_busy", "index_not_written", "disk_full", "roll_behind"),
}  # fmt: skip
"""By the stable code of an error; every other named error is about the input and exits with DIFFERS."""


def exit_of(code: str) -> Exit:
    return next((exit for exit, codes in _BY_EXIT.items() if code in codes), Exit.DIFFERS)
