"""Made-up rows and problems for the document of the HTTP service: one of each list, with all its columns.

A test holds them to the lists: an example that lacks a column, or has one too many, fails it.
"""

from __future__ import annotations

from typing import Any, Final

REGENCY: Final = "9404"
AREA: Final = "940401"
TPS: Final = "9404012001001"
NEXT_DOOR: Final = "9404012001002"
VOTER: Final = "20a136e2-4c5f-8ec7-a2f4-cde6e20457a0"
OTHER: Final = "74100b01-af6e-88bf-ae05-5d4a729b6c2e"
DEVICE: Final = "w7dy3m2c5aq4ko6t"
NIK: Final = "940401**********"
AT: Final = "2024-06-25T09:12:00+09:00"

_SAID: Final = {"officer": "siti", "role": "pantarlih"}
_COUNTS: Final = {
    "listed": 531, "new": 12, "arrived": 4, "departed": 3, "removed": 21, "on_list": 523, "visited": 540,
    "sesuai": 480, "ubah": 27, "baru": 12, "unvisited": 4, "not_met": 2, "proposed": 1, "in_conflict": 1,
    "deceased": 9, "moved_away": 8, "duplicate": 1, "underage": 1, "foreign": 0, "military": 1, "police": 0,
    "revoked": 0, "unknown": 1, "entry_error": 0, "male": 268, "female": 255, "sex_unknown": 0, "physical": 5,
    "intellectual": None, "mental": None, "speech": None, "hearing": None, "visual": 6, "ektp": 519,
    "ektp_none": 4, "ektp_unknown": 0,
}  # fmt: skip

ROWS: Final[dict[str, dict[str, Any]]] = {
    "roll": {
        "regency": REGENCY, "voter": VOTER, "nkk": NIK, "nik": NIK, "name": "Fulanah", "birth_place": "Timika",
        "birth_date": "1990-07-01", "marital": "S", "sex": "P", "address": "Jalan Contoh 1", "rt": "001", "rw": "002",
        "disability": None, "ektp": "S", "remark": "sesuai", "source": "dp4-2024", "tps": TPS, "first_tps": TPS,
        "attempts": 0, "conflicts": None, "proposed": None,
    },
    "recap": {"regency": REGENCY, "level": "tps", "area": TPS, "tps_count": 1, **_COUNTS},
    "conflicts": {
        "regency": REGENCY, "tps": TPS, "voter": VOTER, "register": "verdict", "value": "deceased", "wins": False,
        "type": "deceased", **_SAID, "at_tps": TPS, "at": AT, "device": DEVICE, "seq": 17, "position": 812,
        "weight": 0, "opened": 812,
    },
    "proposals": {
        "regency": REGENCY, "tps": TPS, "voter": VOTER, "proposal": "deceased", "verdict": "confirmed",
        "evidence": "family_statement", **_SAID, "at_tps": TPS, "at": AT, "device": DEVICE, "seq": 17,
        "position": 812, "weight": 0,
    },
    "history": {
        "regency": REGENCY, "voter": VOTER, "position": 812, "device": DEVICE, "seq": 17, "standing": "counted",
        "type": "found", "tps": TPS, **_SAID, "at": AT, "event": {"type": "found", "tps": TPS},
    },
    "movers": {
        "regency": REGENCY, "voter": VOTER, "from_tps": TPS, "to_tps": NEXT_DOOR, "to_area": None, "state": "awaited",
        "is_disputed": False, "evidence": None, **_SAID, "device": DEVICE, "seq": 17, "position": 812,
    },
    "split_families": {
        "regency": REGENCY, "nkk": NIK, "voters": 2, "tps": [TPS, NEXT_DOOR], "members": [VOTER, OTHER],
    },
    "large_tps": {"tps": TPS, "on_list": 623, "over": 23},
    "duplicates": {
        "cluster": 1, "kind": "similar", "likeness": 0.8, "members": [VOTER, OTHER], "voter": VOTER, "tps": TPS,
        "name": "FULANAH", "birth_date": "1990-07-01", "sex": "P", "nik": NIK, "nkk": NIK,
    },
    "progress": {"area": TPS, "day": "2024-06-25", "kind": "sesuai", "n": 31},
    "reports": {
        "officer": "siti", "tps": TPS, "since": "2024-06-24", "until": "2024-07-03", "a_received": 210, "b_new": 6,
        "c_filtered": 9, "d_corrected": 14, "e_disabled": 3, "not_met": 5,
    },
    "late": {
        "regency": REGENCY, "tps": TPS, "voter": VOTER, "type": "found", **_SAID, "at": AT, "device": DEVICE,
        "seq": 212, "position": 1188,
    },
    "devices_health": {
        "device": DEVICE, "officer": "siti", "rights": [{"role": "pantarlih", "area": TPS, "ended_from": None}],
        "held": 212, "position": 1188, "revoked_from": None, "cloned_at": None, "lost_after": None, "behind": 12,
        "parked": 0, "quarantined": 1, "late": 1, "last_heard": "2024-06-25T02:14:09Z",
    },
    "advice": {
        "kind": "hurried", "device": DEVICE, "officer": "siti", "first_seq": 90, "last_seq": 104, "amount": 11.0,
    },
}  # fmt: skip
"""List → a row of it."""

PROBLEM: Final = {
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "code": "bad_argument",
    "detail": "level is one of regency, district, village, tps: give one of these.",
}

DEVICES: Final = {
    "as_of": {"regency": REGENCY, "election": "pilkada-2024", "events": 1200, "persons": 1180},
    "registry": 96,
    "area": AREA,
    "devices": [
        {
            "device": DEVICE, "officer": "siti", "rights": [{"role": "pantarlih", "area": TPS, "ended_from": None}],
            "held": 212, "position": 1188, "revoked_from": None, "cloned_at": None, "lost_after": None,
        },
    ],
}  # fmt: skip
READY: Final = {
    "ready": True, "journal": "ok", "door": "ok", "database": "ok", "projector": "ok", "lag_events": 0,
    "lag_persons": 0,
}  # fmt: skip
RECEIPT: Final = {
    "receipt": {
        "as_of": 1180, "device": DEVICE, "election": "pilkada-2024", "epoch": 1, "head": "A" * 43, "log": "voters",
        "position": {"ECOKLIT-pilkada-2024-9404": 1188}, "regency": REGENCY, "registry": 96, "seq": 212,
        "standings": [],
    },
    "service": DEVICE,
    "signature": "A" * 86,
}  # fmt: skip
CREDENTIALS: Final = {
    "device": DEVICE, "jwt": "eyJ0eXAi…", "subject": f"ecoklit.push.{DEVICE}", "inbox": f"_INBOX_{DEVICE}",
}  # fmt: skip
