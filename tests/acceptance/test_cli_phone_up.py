"""Officers' phones against a running `ecoklit up`: real broker, real database, real HTTP, real signatures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from commands import Folder, fresh_folder, serving, wait_until

from ecoklit.cli.pushing import read_codebook
from ecoklit.core import ids
from ecoklit.testing import mimika

TPS = mimika.tps_codes("940412")[0]
VILLAGE = ids.village_of(TPS)


class House(Folder):
    """A data folder with a running service, and phones beside it."""

    def phone(self, name: str, *argv: str, code: int = 0) -> Any:
        """What a command of one phone prints."""
        said = self.said("phone", *argv, "--home", self.data.parent / name, code=code)
        return said if argv[0] == "list" else said[0]

    def enrol(self, name: str, officer: str) -> None:
        (made,) = self.said("enrol", "--officer", officer, "--tps", TPS)
        self.phone(name, "enrol", made["code"], "--service", self.service_url)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with fresh_folder() as folder:
        house = House(folder / "data")
        house.init()
        with serving(house):
            file = folder / mimika.file_name(VILLAGE, ".csv")
            mimika.write_csv(file, VILLAGE, read_codebook("2024"))
            house.said("import", file)
            yield house


def test_two_phones_and_the_service_come_to_one_roll(house: House) -> None:
    """A list is pulled, both phones work apart, and after their syncs all three show one digest, and it is the same."""
    house.enrol("a", "p-1")
    house.enrol("b", "p-2")
    for name in ("a", "b"):
        synced = house.phone(name, "sync")
        assert [one["same"] for one in synced["compared"]] == [True]
    assert len(house.phone("a", "list", "--all")) == len(mimika.people(TPS))
    for number in range(1, 8):
        house.phone("a", "found", str(number))
    house.phone("b", "deceased", "1", "--evidence", "death_certificate")
    house.phone("b", "new", "--document", "ktp_el", "--set", "name=Maria Baru", "--set", "sex=P")
    for name in ("a", "b", "a"):
        synced = house.phone(name, "sync")
        assert [one["same"] for one in synced["compared"]] == [True]
    one, other = (house.phone(name, "status") for name in ("a", "b"))
    assert (one["proved"], other["proved"]) == (True, True)
    assert one["places"] == other["places"]
    (shown,) = house.said("roll", TPS)
    assert shown["digest"] == ids.from_base64url(one["places"][0]["digest"]).hex()
    (disputed,) = house.said("conflicts", TPS)
    assert {row["value"] for row in disputed["conflicts"]} == {"confirmed", "deceased"}


def test_what_is_set_aside_is_told_and_released(house: House) -> None:
    """An entry of a revoked right is in sight on the phone by its name; readmitted, it counts there and here."""
    house.enrol("c", "p-3")
    house.phone("c", "sync")
    house.phone("c", "found", "20")
    device = house.phone("c", "status")["device"]
    house.said("revoke", device, "--from", "1")
    house.phone("c", "sync", code=1)
    (outside,) = house.phone("c", "status", code=1)["outside"]
    assert (outside["fate"], outside["name"]) == ("quarantined", "revoked_device")
    house.phone("a", "sync")
    before = house.phone("a", "status")["places"][0]["visited"]
    house.said("quarantine", "readmit", "--device", device, "--yes")

    def counted() -> bool:
        synced = house.phone("a", "sync")  # before the service has judged anew, and after
        assert [one["same"] for one in synced["compared"]] == [True]
        return bool(house.phone("a", "status")["places"][0]["visited"] == before + 1)

    wait_until(counted)


def test_an_export_goes_in_by_push(house: House) -> None:
    """What a phone exported, plain and sealed, is taken by `ecoklit push`; its next sync sees it held."""
    house.enrol("d", "p-4")
    for number, options in (("30", ()), ("31", ("--sealed",))):
        house.phone("d", "sync")
        house.phone("d", "found", number)
        file = house.data.parent / f"d{number}"
        house.phone("d", "export", *options, file)
        house.said("push", file)
        assert house.phone("d", "status")["proved"] is False
        house.phone("d", "sync")
        assert house.phone("d", "status")["proved"] is True
