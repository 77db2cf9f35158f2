"""What a demonstration claims, each claim compared with what was found: nothing here is assumed to come out right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

ADDING_UP: Final = ("listed", "new", "arrived", "departed", "removed", "on_list")


class Reading(NamedTuple):
    """One reading of all events: digest by code of TPS and area, and how many are on the list of each TPS."""

    digests: Mapping[str, bytes]
    on_list: Mapping[str, int]


class Evidence(NamedTuple):
    """What went in, what came out, and what two replays say.

    `listed` and `new` count voters, `said` events of phones; `written` and `receipted` map device → last seq; `faults`
    are those of each replay, by name.
    """

    listed: int
    said: int
    new: int
    written: Mapping[str, int]
    receipted: Mapping[str, int]
    in_journal: int
    standings: Mapping[str, int]
    recap: Sequence[Mapping[str, Any]]
    total: Mapping[str, Any]
    live: Reading
    replays: Sequence[Reading]
    faults: Sequence[Mapping[str, int]]


class Claim(msgspec.Struct, frozen=True):
    """`against` names what speaks against the claim: areas, devices, or counts. It holds when nothing does."""

    name: str
    indonesian: str
    english: str
    against: list[str]

    @property
    def holds(self) -> bool:
        return not self.against


class Proof(msgspec.Struct, frozen=True):
    """All claims; the live digests by code, each replay's beside them; `areas` is how many were compared."""

    claims: list[Claim]
    areas: int
    live: dict[str, str]
    replays: list[dict[str, str]]
    holds: bool


def prove(found: Evidence) -> Proof:
    claims = [
        Claim(
            "receipted",
            "setiap peristiwa di setiap alat telah diterima",
            "every event of every device is receipted",
            differing(found.written, found.receipted),
        ),
        Claim(
            "journal",
            "di jurnal tidak ada yang hilang atau ganda",
            "in the journal nothing is lost or doubled",
            _unequal("events", found.in_journal, found.listed + found.said),
        ),
        Claim(
            "counted",
            "setiap peristiwa dihitung, tidak ada yang masih menunggu",
            "every event counts, none still waits",
            _uncounted(found),
        ),
        Claim(
            "sums",
            "awal + baru + masuk − keluar − tersaring = pemilih",
            "listed + new + arrived − departed − removed = on the list",
            [row["area"] for row in (*found.recap, found.total) if not adds_up(row)],
        ),
        Claim(
            "totals",
            "jumlah desa/kelurahan = jumlah wilayah",
            "the villages add up to the area",
            [name for name in ADDING_UP if sum(row[name] for row in found.recap) != found.total[name]],
        ),
        Claim(
            "listed_and_new",
            "awal = baris diimpor, baru = dicatat di pintu",
            "listed = rows imported, new = recorded at doors",
            _unequal("listed", found.total["listed"], found.listed) + _unequal("new", found.total["new"], found.new),
        ),
        Claim(
            "lists",
            "jumlah pemilih tiap TPS = kedua putar ulang",
            "every TPS has as many voters as in both replays",
            _differing_from_live(found.live.on_list, [one.on_list for one in found.replays]),
        ),
        Claim(
            "replays_agree",
            "dua putar ulang dalam urutan berbeda: digest sama",
            "two replays in different orders: the same digests",
            differing(found.replays[0].digests, found.replays[1].digests),
        ),
        Claim(
            "live_agrees",
            "proyeksi langsung = putar ulang: digest sama",
            "the live projection = the replays: the same digests",
            _differing_from_live(found.live.digests, [one.digests for one in found.replays]),
        ),
    ]
    return Proof(
        claims,
        len(found.live.digests),
        _hex(found.live.digests),
        [_hex(one.digests) for one in found.replays],
        bool(found.live.digests) and all(claim.holds for claim in claims),
    )


def adds_up(row: Mapping[str, Any]) -> bool:
    """Whether every voter of an area is accounted for, at both ends of every move."""
    present: int = row["listed"] + row["new"] + row["arrived"] - row["departed"] - row["removed"]
    return bool(present == row["on_list"])


def differing(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """The keys that have not the same value in both, or stand in one only."""
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


def _differing_from_live(live: Mapping[str, object], replays: Iterable[Mapping[str, object]]) -> list[str]:
    return sorted({key for one in replays for key in differing(live, one)})


def _unequal(name: str, found: int, expected: int) -> list[str]:
    return [] if found == expected else [f"{name} {found} ≠ {expected}"]


def _uncounted(found: Evidence) -> list[str]:
    live = {name: count for name, count in found.standings.items() if name != "counted"}
    return [f"{name} {count}" for one in (live, *found.faults) for name, count in sorted(one.items())]


def _hex(digests: Mapping[str, bytes]) -> dict[str, str]:
    return {code: digest.hex() for code, digest in sorted(digests.items())}
