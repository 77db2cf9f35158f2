"""Figures that take more than one view, from rows as the database gives them."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ecoklit.core.registry import Registry, fold_registry
from ecoklit.errors import EcoklitError
from ecoklit.ports import Answer, AsOf
from ecoklit.services.figures import officers_reports, visits_advice
from ecoklit.testing.made_up_registry import MadeUpElection

REGENCY, TPS = "9404", "9404012001001"
AS_OF = AsOf(REGENCY, "pilkada-2024", 30, 30)


class Rows:
    """An `AnalystReader` that has these rows for every question."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.answer = Answer(AS_OF, list(rows))

    def __getattr__(self, _: str) -> Any:
        async def asked(*_: object) -> Answer:
            return self.answer

        return asked


def registry_of(role: str) -> tuple[Registry, str]:
    """A registry in which siti holds one device with `role`, and that device."""
    election = MadeUpElection("pilkada-2024", REGENCY)
    key = election.device("phone", role, TPS if role == "pantarlih" else REGENCY, officer="siti")
    lines = [(nth, signed.line) for nth, signed in enumerate(election.lines, 1)]
    return fold_registry("pilkada-2024", REGENCY, lines), key.device


def entry(device: str, seq: int, officer: str) -> dict[str, Any]:
    at = f"2024-06-25T09:00:{seq:02}+09:00"
    place = {"lat_e6": None, "lon_e6": None}
    return {"device": device, "seq": seq, "officer": officer, "tps": TPS, "at": at, "home": f"h{seq}", **place}


async def test_the_registry_says_whose_phone_it_is() -> None:
    """Entries in another's name than the holder's are named, and so are twelve homes in a minute."""
    registry, device = registry_of("pantarlih")
    as_of, own = await visits_advice(Rows(*(entry(device, seq, "siti") for seq in range(1, 13))), registry, TPS)
    assert as_of == AS_OF
    assert [(one.kind, one.amount) for one in own] == [("hurried", 12.0)]
    _, others = await visits_advice(Rows(*(entry(device, seq, "budi") for seq in range(1, 4))), registry, TPS)
    assert [(one.kind, one.officer, one.first_seq, one.last_seq) for one in others] == [("others_phone", "budi", 1, 3)]


async def test_whoever_types_for_others_is_no_reproach() -> None:
    """An operator's device enters in the names of the officers of its area: that is what it is for."""
    registry, device = registry_of("operator")
    rows = Rows(*(entry(device, seq, "budi") for seq in range(1, 4)))
    assert registry.grants and (await visits_advice(rows, registry, TPS))[1] == []


async def test_the_last_day_of_the_calendar_ends_a_report() -> None:
    """A phone whose clock says the last day that there is gets its report too."""
    worked = {"officer": "siti", "role": "pantarlih", "tps": TPS, "kind": "sesuai", "n": 1}
    rows = Rows({**worked, "day": datetime.date.max})
    _, (report,) = await officers_reports(rows, TPS, "ten_days", datetime.date(2024, 6, 24))
    assert report.until == datetime.date.max and report.a_received == 1


async def test_the_first_day_of_coklit_is_a_day_of_ours() -> None:
    """A first day outside the years 2000 to 2999 is refused by name."""
    with pytest.raises(EcoklitError, match="first day") as refused:
        await officers_reports(Rows(), TPS, "daily", datetime.date.max)
    assert refused.value.code == "bad_argument"
