"""What is held of one voter, and everything that was done with it (UU 27/2022 Art. 32).

The data: where the voter stands, the particulars, and what each entry brought. The trail: who made each entry, on
whose device, and whether it counts; who was shown the voter, alone or in a list; which files had the voter's TPS in
them; what the voter asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ecoklit.core.registry import Registry
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    ExportMade,
    LogEntry,
    OfficeReader,
    RollReader,
    StoredEvent,
    Trail,
    VoterRequest,
    VoterRequests,
)
from ecoklit.services.disclose import MASKED, disclosed

NOT_DATA: Final = ("salt",)
"""What the personal part of an entry has for its hash alone."""


class Entered(msgspec.Struct, frozen=True):
    """An entry about the voter: what it was, whether it counts, who made it and on whose device.

    `holder` is None when the registry does not know the device, or was not asked. `data` is what it brought of the
    voter; None when nothing, or erased. `at` is the device's own clock.
    """

    regency: str
    position: int
    device: str
    seq: int
    standing: str
    type: str | None
    tps: str | None
    officer: str | None
    role: str | None
    at: str | None
    holder: str | None
    data: dict[str, Any] | None


class Read(msgspec.Struct, frozen=True):
    """Somebody was shown the voter: alone, or in a list of `area`. `login` is None for the service's own database."""

    at: str
    login: str | None
    action: str
    area: str | None
    alone: bool
    fields: tuple[str, ...]
    reason: str | None


class SubjectReport(msgspec.Struct, frozen=True):
    """`states` are the voter's decisions and particulars, one for each regency. `asked_registry` says whether who holds
    the devices could be asked for. `whole`: identity numbers are not masked."""

    voter: str
    whole: bool
    states: list[dict[str, Any]]
    entries: list[Entered]
    asked_registry: bool
    readings: list[Read]
    exports: list[ExportMade]
    requests: list[VoterRequest]
    position: int


async def subject_report(
    reader: RollReader,
    office: OfficeReader,
    requests: VoterRequests,
    trail: Trail,
    registry: Registry | None,
    voter: str,
    *,
    whole: bool = False,
) -> SubjectReport:
    """The report about a voter. With `whole`, numbers are not masked: write down for whom, before it leaves.

    Raises EcoklitError unknown_voter.
    """
    history = await reader.history(voter)
    if not history:
        raise EcoklitError("unknown_voter", "No entry about this voter is held here: check the id.")
    shown = dict if whole else disclosed
    regencies = sorted({row["regency"] for row in history})
    stored = {
        (regency, one.position): one for regency in regencies for one in await office.events_about(regency, [voter])
    }
    entries = [_entered(row, stored.get((row["regency"], row["position"])), registry, shown) for row in history]
    states = [_state(line, shown) for line in await reader.state(voter)]
    places = sorted({row["tps"] for row in history if row["tps"]} | {state["decision"]["tps"] for state in states})
    return SubjectReport(
        voter,
        whole,
        states,
        entries,
        registry is not None,
        [_read(entry) for entry in await trail.readings_about(voter, places)],
        await trail.exports_about(places),
        await requests.of_voter(voter),
        max(row["position"] for row in history),
    )


def shown_whole(report: SubjectReport) -> tuple[str, ...]:
    """The particulars that leave whole with the report, for the read log."""
    return MASKED if report.whole else ()


def _entered(row: Mapping[str, Any], stored: StoredEvent | None, registry: Registry | None, shown: Any) -> Entered:
    device = row["device"]
    known = None if registry is None else registry.devices.get(device)
    person = None if stored is None or stored.person is None else _plain(stored.person)
    data = None if person is None else {name: one for name, one in person.items() if name not in NOT_DATA}
    return Entered(
        row["regency"],
        row["position"],
        device,
        row["seq"],
        row["standing"],
        row["type"],
        row["tps"],
        row["officer"],
        row["role"],
        row["at"],
        None if known is None else known.holder,
        None if data is None else _inside(data, shown),
    )


def _state(line: bytes, shown: Any) -> dict[str, Any]:
    state: dict[str, Any] = msgspec.json.decode(line)
    return _inside(state, shown)


def _inside(value: dict[str, Any], shown: Any) -> dict[str, Any]:
    """The value with every row in it as it may be shown: numbers stand in rows within rows."""
    return {name: _inside(one, shown) if isinstance(one, dict) else one for name, one in shown(value).items()}


def _plain(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def _read(entry: LogEntry) -> Read:
    at = entry.at.isoformat(timespec="seconds")
    return Read(at, entry.login, entry.action, entry.area, entry.voter is not None, entry.fields, entry.reason)
