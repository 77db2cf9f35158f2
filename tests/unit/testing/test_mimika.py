"""The demonstration list: the published sums, the same people for the same seed, and nobody who could be real."""

from collections import Counter
from pathlib import Path

import pytest

from ecoklit.adapters.spreadsheet import read_rows
from ecoklit.contract import data_path
from ecoklit.core import ids
from ecoklit.core.codebook import parse_codebook
from ecoklit.core.list_row import check, nik_fault
from ecoklit.core.list_sheet import Voter, read_sheets
from ecoklit.testing import mimika

BOOK = parse_codebook(data_path("events", "codebooks", "2024.json").read_bytes())
TOWN, KAMPUNG = "9404092003", "9404022003"


def test_the_regency_has_its_published_sums() -> None:
    """18 districts, 152 villages, 497 TPS and 224,514 voters; every sum of a district is the published one."""
    places = mimika.polling_places()
    assert len({ids.district_of(tps.code) for tps in places}) == 18
    assert len(mimika.villages()) == 152 == len({ids.village_of(tps.code) for tps in places})
    assert len(places) == len(mimika.tps_codes()) == 497 and sum(tps.voters for tps in places) == 224_514
    published = {"940401": (186, 99_293), "940402": (8, 813), "940403": (16, 7_453), "940416": (77, 41_472)}
    for district, (tps, voters) in published.items():
        assert (len(mimika.tps_codes(district)), mimika.voters(district)) == (tps, voters)


def test_places_are_as_large_as_places_are() -> None:
    """No TPS is over the bound of 600; those of towns have 450 to 600 voters, a remote kampung is one small TPS."""
    assert all(0 < tps.voters <= mimika.TPS_VOTERS_MAX for tps in mimika.polling_places())
    assert all(tps.voters >= 450 for tps in mimika.polling_places("940401"))
    assert len(mimika.tps_codes("940402")) == len(mimika.villages("940402")) == 8


def test_every_tps_code_is_lawful_and_in_its_village() -> None:
    """13 digits, numbered from 001 without a gap in every village."""
    for village in mimika.villages():
        codes = mimika.tps_codes(village.code)
        assert codes == [f"{village.code}{number:03d}" for number in range(1, len(codes) + 1)]
        assert all(map(ids.is_tps, codes))


def test_areas_of_every_size_may_be_asked_for() -> None:
    """The nation and the province hold the regency; a village holds its TPS; elsewhere is nothing."""
    assert mimika.voters("00") == mimika.voters("94") == mimika.voters("9404") == mimika.voters()
    assert mimika.tps_codes(f"{TOWN}001") == [f"{TOWN}001"]
    assert mimika.tps_codes("9401") == [] == mimika.villages("9401")
    with pytest.raises(KeyError):
        mimika.people("9404010000001")


@pytest.mark.parametrize("village", [TOWN, KAMPUNG])
def test_a_tps_has_as_many_people_as_it_says(village: str) -> None:
    """Families fill a TPS to the last voter."""
    for tps in mimika.polling_places(village):
        assert len(mimika.people(tps.code)) == tps.voters


def test_one_seed_makes_the_same_people_and_another_makes_others() -> None:
    """Deterministic from the seed alone: the first person of the first TPS is this one, on every machine."""
    tps = mimika.tps_codes()[0]
    assert mimika.people(tps) == mimika.people(tps) != mimika.people(tps, seed=1)
    first = mimika.people(tps)[0]
    assert (first.name, first.nik, first.birth_date) == FIRST


FIRST = ("Yohanes Tatiru", "9404811103530001", "1953-03-11")


def test_nobody_can_be_real() -> None:
    """Every NIK and NKK begins with a district that Mimika does not have."""
    districts = {ids.district_of(village.code) for village in mimika.villages()}
    for tps in mimika.tps_codes(TOWN):
        for person in mimika.people(tps):
            for number in (person.nik, person.nkk):
                assert number and number.startswith("9404") and number[:6] not in districts
                assert 81 <= int(number[4:6]) <= 98


def test_niks_are_right_but_for_the_quirks_of_real_lists() -> None:
    """Of a town's people almost all have a NIK that agrees with birth date and sex, and a few of each quirk do not."""
    people = [one for tps in mimika.tps_codes("940409") for one in mimika.people(tps)]
    niks = Counter(one.nik for one in people)
    fifteen = sum(nik_fault(one.nik or "") == "nik_15_digits" for one in people)
    shared = sum(count for count in niks.values() if count > 1)
    disabled = sum(one.disability is not None for one in people)
    without_ektp = sum(one.ektp == "B" for one in people)
    for quirk, least, most in (
        (fifteen, 0.0003, 0.002), (shared, 0.0005, 0.003), (disabled, 0.002, 0.008), (without_ektp, 0.02, 0.06),
    ):  # fmt: skip
        assert least < quirk / len(people) < most
    assert 2.1 < len(people) / len({one.nkk for one in people}) < 2.5
    assert 0.48 < sum(one.sex == "L" for one in people) / len(people) < 0.56


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_list_that_is_written_is_read_as_the_same_people(tmp_path: Path, suffix: str) -> None:
    """What an import reads from the file is every person, field by field, in sheets of at most a thousand rows."""
    village = KAMPUNG if suffix == ".csv" else TOWN
    path = tmp_path / mimika.file_name(village, suffix)
    write = mimika.write_csv if suffix == ".csv" else mimika.write_xlsx
    people = [(tps, one) for tps in mimika.tps_codes(village) for one in mimika.people(tps)]
    assert write(path, village, BOOK) == len(people)
    found = [one for one in read_sheets(read_rows(path)) if isinstance(one, Voter)]
    assert len(found) == len(people)
    for (tps, person), one in zip(people, found, strict=True):
        row = check(one.row, one.header, BOOK, village, "dp4")
        assert not row.is_refused and row.tps == tps
        assert row.record == person.record()
    assert max(Counter(one.row.sheet for one in found).values()) <= (1_000 if suffix == ".xlsx" else len(found))


def test_a_file_says_its_village() -> None:
    """The name is one that an import knows the village by."""
    assert mimika.file_name(KAMPUNG).startswith(f"A-Daftar-Pemilih_{KAMPUNG}_")
