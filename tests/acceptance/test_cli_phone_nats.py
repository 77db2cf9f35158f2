"""`ecoklit phone sync --nats` against a running `ecoklit up`: its broker, its database, HTTP for the credentials."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from commands import Folder, fresh_folder, serving

from ecoklit.cli.pushing import read_codebook
from ecoklit.core import ids
from ecoklit.testing import mimika

TPS = mimika.tps_codes("940412")[0]
VILLAGE = ids.village_of(TPS)
CUT_SECONDS_MAX = 10.0


class House(Folder):
    """A data folder with a running service, and phones beside it."""

    where: dict[str, str]

    def phone(self, name: str, *argv: str, code: int = 0) -> Any:
        """What a command of one phone prints."""
        said = self.said("phone", *argv, "--home", str(self.data.parent / name), code=code)
        return said if argv[0] == "list" else said[0]

    def enrol(self, name: str, officer: str, *argv: str) -> None:
        (made,) = self.said("enrol", "--officer", officer, "--tps", TPS)
        self.phone(name, "enrol", made["code"], "--service", self.where["service_url"], *argv)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with fresh_folder() as folder:
        house = House(folder / "data")
        house.init()
        with serving(house) as running:
            house.where = running.where
            file = folder / mimika.file_name(VILLAGE, ".csv")
            mimika.write_csv(file, VILLAGE, read_codebook("2024"))
            house.said("import", file)
            yield house


@pytest.mark.parametrize(("name", "scheme", "key"), [("a", "nats_url", "ed25519"), ("b", "websocket_url", "p256")])
def test_a_phone_syncs_by_the_broker(house: House, name: str, scheme: str, key: str) -> None:
    """The broker is said once; from then on nothing but the credentials came by HTTP, and both rolls are the same."""
    house.enrol(name, f"p-{name}", "--key", key)
    house.phone(name, "found", "1")
    synced = house.phone(name, "sync", "--nats", house.where[scheme])
    assert (synced["sent"], [one["same"] for one in synced["compared"]]) == (1, [True])
    house.phone(name, "found", "2")
    # Wherever HTTP is: the way is the broker's, and the credentials are kept.
    synced = house.phone(name, "sync", "--service", "http://127.0.0.1:1")
    assert (synced["sent"], [one["same"] for one in synced["compared"]]) == (1, [True])
    house.phone(name, "found", "3")
    assert house.run("phone", "sync", "--no-nats", "--home", house.data.parent / name).returncode == 3
    synced = house.phone(name, "sync", "--service", house.where["service_url"])
    assert (synced["sent"], [one["same"] for one in synced["compared"]]) == (1, [True])


def test_a_phone_that_was_enrolled_without_a_network_is_let_in(house: House) -> None:
    """A phone whose enrolment came as a file shows it over HTTP when it asks for its credentials, and then syncs."""
    shown = house.phone("c", "enrol", "--offline", "--service", house.where["service_url"])
    file = house.data.parent / "c.ecoklit"
    house.said("enrol", shown["key_line"], "--officer", "p-c", "--tps", TPS, "--out", str(file))
    house.phone("c", "enrol", str(file))
    house.phone("c", "sync", "--nats", house.where["nats_url"])
    assert house.phone("c", "status")["device"] == shown["device"]


def test_a_revoked_phone_is_cut_and_told(house: House) -> None:
    """A phone that syncs by the broker is out within ten seconds of its revocation, says why, and keeps its entries."""
    house.enrol("d", "p-d")
    house.phone("d", "found", "4")
    house.phone("d", "sync", "--nats", house.where["nats_url"])
    device = house.phone("d", "status")["device"]
    house.said("revoke", device, "--from", "2")
    until = time.monotonic() + CUT_SECONDS_MAX
    while "not_entitled" not in (done := house.run("phone", "sync", "--home", house.data.parent / "d")).stderr:
        assert time.monotonic() < until, done
    assert "revoked" in done.stderr
    house.phone("d", "found", "5")
    status = house.phone("d", "status")
    assert (status["saved"], status["held"]) == (2, 1)


def test_what_is_no_broker_is_said(house: House) -> None:
    """A wrong address is refused before it is remembered."""
    house.enrol("e", "p-e")
    for url in ("http://x", "x", ""):
        done = house.run("phone", "sync", "--nats", url or "nats:", "--home", house.data.parent / "e")
        assert done.returncode == 2, done
        assert "bad_argument" in done.stderr
    house.phone("e", "sync")
