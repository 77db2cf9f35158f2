"""A phone as its officer has it: what it pulled in the morning, the log that it writes, a clock that may be wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.wire import Held
from ecoklit.testing.made_up_keys import made_up_key

POLICY: Final = "2024-1"
DAY: Final = datetime.fromisoformat("2024-06-25T07:30:00+09:00")
BETWEEN_TWO: Final = timedelta(seconds=70)


class Person(NamedTuple):
    """Who holds the device: `officer` is an id, `role` pantarlih, pps, ppk or kpu."""

    officer: str
    role: str


class Phone:
    """One device of one officer. It knows only what it pulled and what it said itself."""

    def __init__(
        self, election: str, seed: int, person: Person, tps: str, *, begins: datetime = DAY, days_off: int = 0
    ) -> None:
        """`tps` is the roll being worked on; `days_off` is how far the clock on its wall is wrong."""
        self.key = made_up_key(seed, person.officer)
        self.tps = tps
        self.log = DeviceLog(election, self.key.device, officer=person.officer, role=person.role, policy=POLICY)
        self.said: list[Held] = []
        self._held: defaultdict[str, list[Held]] = defaultdict(list)
        self._now = begins + timedelta(days=days_off)

    @property
    def device(self) -> str:
        return self.log.device

    def pull(self, held: Iterable[Held]) -> None:
        """Hold these events of others too; whatever they name must be among them or held already."""
        for one in held:
            about = self._held[one.voter]
            if all(known.hash != one.hash for known in about):
                about.append(one)

    def about(self, voter: str) -> list[Held]:
        """Every event about the voter that this phone holds."""
        return list(self._held[voter])

    def say(
        self,
        type: str,
        voter: str | None,
        *,
        tps: str | None = None,
        person: Mapping[str, Any] | None = None,
        **own_fields: Any,
    ) -> Held:
        """Write the next event, knowing all that the phone holds about the voter; None is a birth."""
        salted = None if person is None else {**person, "salt": made_up_salt(self.device, self.log.seq + 1)}
        said = self.log.append(
            type,
            tps=tps or self.tps,
            at=self._now.isoformat(timespec="seconds"),
            voter=voter,
            seen=() if voter is None else self._held[voter],
            person=salted,
            **own_fields,
        )
        self._now += BETWEEN_TWO
        self._held[said.voter].append(said)
        self.said.append(said)
        return said


def made_up_salt(device: str, seq: int) -> str:
    """16 bytes that follow from the event's name: made-up people have nothing to hide, and a seed must give one day."""
    return ids.to_base64url(ids.sha256(f"salt\n{device}\n{seq}".encode())[: ids.MARK_BYTES])
