"""The demonstration list: the regency of Mimika with 224,514 people who do not exist.

Districts, villages and the numbers of polling places and voters are those of the Pilkada 2024 (see
data/README.md); everybody on the list is made up. Surnames are put together from syllables, and every NIK
begins with a district that Mimika does not have (94.04.81 to 94.04.98), so that no number can be anybody's,
while birth date and sex stand in it as they should. One seed gives the same people on every machine: only
`Random.random()` is drawn from, whose sequence Python keeps from version to version.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import xlsxwriter

from ecoklit.core import ids
from ecoklit.core.codebook import Codebook
from ecoklit.core.list_row import TITLES

REGENCY: Final = "9404"
SEED: Final = 2024
SHEET_ROWS_MAX: Final = 1000
"""Data rows of one sheet: what the commission's own loader takes."""

TPS_VOTERS_MAX: Final = 600
_POLLING_DAY: Final = date(2024, 11, 27)


class Village(NamedTuple):
    """A village by its 10-digit code; `kind` is kelurahan or kampung."""

    code: str
    name: str
    kind: str


class Tps(NamedTuple):
    """A polling place: its 13 digits, its voters, and its place among those of the district, from 0."""

    code: str
    voters: int
    nth: int


class MadeUp(NamedTuple):
    """Somebody who does not exist, in the words of the contract's record."""

    nkk: str | None
    nik: str | None
    name: str
    birth_place: str
    birth_date: str
    marital: str
    sex: str
    address: str
    rt: str
    rw: str
    disability: str | None
    ektp: str

    def record(self) -> dict[str, str | None]:
        """The twelve fields, as an event's person has them."""
        return self._asdict()


# --- places -------------------------------------------------------------------------------------------------


def villages(area: str = REGENCY) -> list[Village]:
    """The villages of `area` (2 to 10 digits, or 00), by code."""
    return [village for village in _villages() if _lies_in(village.code, area)]


def polling_places(area: str = REGENCY, seed: int = SEED) -> list[Tps]:
    """The TPS of `area` (2 to 13 digits, or 00) with their numbers of voters, by code."""
    return [tps for tps in _polling_places(seed).values() if _lies_in(tps.code, area)]


def tps_codes(area: str = REGENCY, seed: int = SEED) -> list[str]:
    return [tps.code for tps in polling_places(area, seed)]


def voters(area: str = REGENCY, seed: int = SEED) -> int:
    """How many people the list of `area` has."""
    return sum(tps.voters for tps in polling_places(area, seed))


def _lies_in(code: str, area: str) -> bool:
    return area == ids.NATION or code.startswith(area)


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("ecoklit.testing").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@lru_cache(maxsize=1)
def _villages() -> tuple[Village, ...]:
    rows = _rows("mimika_villages.csv")
    return tuple(sorted(Village(_digits(row["village_code"]), row["village"], row["kind"]) for row in rows))


def _digits(code: str) -> str:
    return code.replace(".", "")


@lru_cache(maxsize=4)
def _polling_places(seed: int) -> dict[str, Tps]:
    places: dict[str, Tps] = {}
    for row in _rows("mimika_districts.csv"):
        district = _digits(row["district_code"])
        for tps in _district(district, int(row["tps"]), int(row["voters"]), Random(seed * 1_000_000 + int(district))):
            places[tps.code] = tps
    return places


def _district(district: str, tps: int, people: int, random: Random) -> Iterator[Tps]:
    """The TPS of a district: towns have more of them than kampung, a remote kampung is one."""
    inside = villages(district)
    weights = [(3.0 if village.kind == "kelurahan" else 1.0) * (0.5 + random.random()) for village in inside]
    counts = [1 + more for more in _shares(tps - len(inside), weights)]
    spread = 0.7 if tps == len(inside) else 0.14
    sizes = _shares(people, [1 - spread / 2 + spread * random.random() for _ in range(tps)])
    codes = [f"{v.code}{n:03d}" for v, count in zip(inside, counts, strict=True) for n in range(1, count + 1)]
    return (Tps(code, size, nth) for nth, (code, size) in enumerate(zip(codes, sizes, strict=True)))


def _shares(total: int, weights: Sequence[float]) -> list[int]:
    """`total` in whole parts by `weights`, to the last one: largest remainders first."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


# --- people -------------------------------------------------------------------------------------------------


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_MEN: Final = _words(
    """Yohanes Markus Petrus Paulus Lukas Yakobus Stefanus Titus Silas Yosep Daniel Elias Natan Simon
    Filipus Agus Budi Slamet Hendra Joko Wahyu Rahmat Hasan Umar Rudi Andi Dedi Eko Fajar Gunawan Iwan
    Nurdin Taufik
    """
)
_WOMEN: Final = _words(
    """Maria Marta Yuliana Debora Ester Naomi Rut Sara Magdalena Yosina Paulina Agustina Elisabet Kristina
    Selfina Siti Nur Dewi Sri Wati Rina Yanti Fitri Aminah Ratna Lestari Wulan Indah Ayu Kartini Hasnah Mega
    Lina Tuti
    """
)
_SECOND: Final = _words("Jaya Putra Alam Setia Damai Bayu Surya Bintang Cahya Mulia Sukma Rimba Laut Senja Embun")
_BEGINNINGS: Final = _words("Wa Ta Ki Mo Yu Ba Ku Ne Ma O Pi Ra Do Be Ka A To Wi Me Nu")
_MIDDLES: Final = _words("ki re mu ta ka ni po wa me go ru ti")
_ENDINGS: Final = _words("mo ku we bo re na gau tiru pe kai yo ma")
_TOWNS: Final = _words("Timika Timika Timika Kokonao Nabire Jayapura Merauke Biak Ambon Makassar Manado Kupang")
_STREETS: Final = _words("Cenderawasih Matoa Merbau Kasuari Sagu Pinang Nuri Bakau Kelapa Gaharu Mambruk Anggrek")
_DISABILITIES: Final = ("physical", "intellectual", "mental", "speech", "hearing", "visual")

_SERIALS_PER_TPS: Final = 50
"""Each TPS of a district has serials of its own, so that two never give out one NIK: 186 TPS fit into four
digits.
"""


def people(tps: str, seed: int = SEED) -> list[MadeUp]:
    """Everybody on the list of `tps`, family by family; KeyError when Mimika has no such TPS."""
    place = _polling_places(seed)[tps]
    author = _Author(place, Random(seed * 10_000_000_000_000 + int(tps)))
    made: list[MadeUp] = []
    while len(made) < place.voters:
        made.extend(author.family(place.voters - len(made)))
    return made


class _Author:
    """Makes up the families of one TPS."""

    def __init__(self, place: Tps, random: Random) -> None:
        self._random = random.random
        self._village = next(village for village in _villages() if village.code == ids.village_of(place.code))
        self._prefix = f"{REGENCY}{80 + int(place.code[4:6])}"
        self._first_serial = 1 + place.nth * _SERIALS_PER_TPS
        self._serials: defaultdict[str, int] = defaultdict(int)
        self._nik_before: str | None = None

    def family(self, most: int) -> list[MadeUp]:
        """One family card with at most `most` people on the list: 2.3 on average."""
        chance = self._random()
        size = min(
            most,
            1 if chance < 0.31 else 2 if chance < 0.65 else 3 if chance < 0.84 else 4 if chance < 0.95 else 5,
        )
        surname = self._surname()
        issued = date(2010, 1, 1) + timedelta(days=int(self._random() * 4900))
        nkk = self._number(f"{issued:%d%m%y}")
        address, rt, rw = self._home()
        age = 22 + int(52 * self._random() ** 1.4)
        alone = size == 1
        head_is_man = self._random() < (0.6 if alone else 0.92)
        family: list[MadeUp] = []
        for nth in range(size):
            man = head_is_man if nth == 0 else not head_is_man if nth == 1 else self._random() < 0.53
            years = age + int(6 * self._random()) - 3 if nth < 2 else 17 + int(max(1, age - 38) * self._random())
            marital = ("B" if age < 30 else "P") if alone else "S" if nth < 2 else "B"
            family.append(self._person(man, max(17, years), marital, surname, nkk, address, rt, rw))
        return family

    def _person(
        self, man: bool, years: int, marital: str, surname: str, nkk: str, address: str, rt: str, rw: str
    ) -> MadeUp:
        random = self._random
        born = _POLLING_DAY - timedelta(days=int(years * 365.25 + 1 + 364 * random()))
        if random() < 0.04:
            born = born.replace(month=7, day=1)  # where nobody wrote a birth down, a clerk wrote the first of July
            born = born.replace(year=min(born.year, _POLLING_DAY.year - 18))
        birth_date, nik = born.isoformat(), self._nik(born, man)
        disability, ektp = None, "S"
        quirk = random()
        if quirk < 0.0008:
            nik = nik[:15]
        elif quirk < 0.0014 and self._nik_before:
            nik = self._nik_before
        elif quirk < 0.0024:
            birth_date = (born - timedelta(days=200)).isoformat()  # corrected since: a NIK is never issued anew
        elif quirk < 0.0027:
            birth_date = f"00-00-{born.year}"
        elif quirk < 0.0070:
            disability = _DISABILITIES[int(random() * 6)]
        elif quirk < 0.0400:
            ektp = "B"
        self._nik_before = nik
        name = f"{self._given(man)} {surname}"
        return MadeUp(
            nkk,
            nik,
            name,
            self._pick(_TOWNS),
            birth_date,
            marital,
            "L" if man else "P",
            address,
            rt,
            rw,
            disability,
            ektp,
        )

    def _pick(self, words: Sequence[str]) -> str:
        return words[int(self._random() * len(words))]

    def _surname(self) -> str:
        middle = self._pick(_MIDDLES) if self._random() < 0.6 else ""
        return self._pick(_BEGINNINGS) + middle + self._pick(_ENDINGS)

    def _given(self, man: bool) -> str:
        first = self._pick(_MEN if man else _WOMEN)
        return f"{first} {self._pick(_SECOND)}" if self._random() < 0.35 else first

    def _home(self) -> tuple[str, str, str]:
        rt, rw = f"{1 + int(self._random() * 6):03d}", f"{1 + int(self._random() * 4):03d}"
        if self._village.kind == "kampung":
            return f"Kampung {self._village.name}", rt, rw
        return f"Jl. {self._pick(_STREETS)} No. {1 + int(self._random() * 180)}", rt, rw

    def _nik(self, born: date, man: bool) -> str:
        return self._number(f"{born.day + (0 if man else 40):02d}{born:%m%y}")

    def _number(self, dated: str) -> str:
        serial = self._first_serial + self._serials[dated]
        self._serials[dated] += 1
        return f"{self._prefix}{dated}{serial:04d}"


# --- the list as files --------------------------------------------------------------------------------------


def file_name(village: str, suffix: str = ".xlsx") -> str:
    """A name that says the village, as an import reads it."""
    name = next(one.name for one in _villages() if one.code == village)
    return f"A-Daftar-Pemilih_{village}_{name.replace(' ', '-')}{suffix}"


def model_a_rows(village: str, book: Codebook, seed: int = SEED) -> Iterator[tuple[str, ...]]:
    """The rows of a village's list, cell by cell in the order of the form, with the digits and letters of
    `book`.
    """
    for tps in tps_codes(village, seed):
        for person in people(tps, seed):
            yield _model_a_row(person, tps, book)


def _model_a_row(person: MadeUp, tps: str, book: Codebook) -> tuple[str, ...]:
    year, month, day = person.birth_date.split("-")
    born = f"{day}-{month}-{year}" if len(year) == 4 else person.birth_date
    return (
        person.nkk or "", person.nik or "", person.name, person.birth_place, born,
        book.write("marital", person.marital) or "", book.write("sex", person.sex) or "",
        person.address, person.rt, person.rw,
        book.write("disability", person.disability) or "0", book.write("ektp", person.ektp) or "",
        "0", "dp4", tps[10:],
    )  # fmt: skip


def write_csv(path: Path, village: str, book: Codebook, seed: int = SEED) -> int:
    """Writes a village's list as CSV; gives the number of its rows."""
    return write_rows(path, list(model_a_rows(village, book, seed)))


def write_xlsx(path: Path, village: str, book: Codebook, seed: int = SEED) -> int:
    """Writes a village's list as XLSX, all cells text, a thousand rows to a sheet; gives their number."""
    return write_workbook(path, list(model_a_rows(village, book, seed)))


def write_rows(path: Path, rows: Sequence[Sequence[str]]) -> int:
    """Writes `rows` under the titles of the form as CSV; gives the number of rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([tuple(TITLES.values()), *rows])
    return len(rows)


def write_workbook(path: Path, rows: Sequence[Sequence[str]], titles: Sequence[str] = tuple(TITLES.values())) -> int:
    """Writes `rows` under `titles` as XLSX, all cells text, a thousand rows to a sheet; gives their number."""
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_numbers": False}) as workbook:
        for first in range(0, max(len(rows), 1), SHEET_ROWS_MAX):
            sheet = workbook.add_worksheet(f"Lembar {first // SHEET_ROWS_MAX + 1}")
            for number, cells in enumerate([titles, *rows[first : first + SHEET_ROWS_MAX]]):
                for column, cell in enumerate(cells):
                    sheet.write_string(number, column, cell)
    return len(rows)
