"""A whole made-up registry: an election opened by its root key, offices and phones, for tests, the demo and benches.

Nobody's keys are secret here, so nothing signed by them proves anything outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from ecoklit.core import canonical, push_file
from ecoklit.core.head import sign_head
from ecoklit.core.registry_event import RegistryLog, SignedRegistry
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held
from ecoklit.ports import Journal, RegistryJournal, Stored
from ecoklit.services.admit import Admission, Submit
from ecoklit.services.registry import Registrar
from ecoklit.testing.made_up_keys import known_key, made_up_key

OPENED_AT: Final = "2024-06-20T08:00:00+09:00"
LINES_AT_ONCE: Final = 500


class MadeUpElection:
    """One election in one regency, and everybody's keys. What is said is in `lines`, in the order of the registry."""

    def __init__(self, election: str, regency: str = "9404", seed: int = 1) -> None:
        self.election = election
        self.regency = regency
        self.seed = seed
        self.root = made_up_key(seed, "root")
        self.service = made_up_key(seed, "service")
        self.lines: list[SignedRegistry] = []
        self._enrolled: set[str] = set()
        self._logs: dict[str, RegistryLog] = {}
        self._stored = 0
        self.say(self.root, "election_opened", root=self.root.public, services=[self.service.public])

    @property
    def registry(self) -> list[bytes]:
        """All lines, each without its line break."""
        return [one.line for one in self.lines]

    def knows(self, key: Key) -> bool:
        """Whether the device is enrolled."""
        return key.device in self._enrolled

    def say(self, key: Key, type: str, /, *, at: str = OPENED_AT, **own_fields: Any) -> SignedRegistry:
        """The next registry event of `key`'s log."""
        log = self._logs.get(key.device)
        if log is None:
            log = self._logs[key.device] = RegistryLog(
                key, election=self.election, regency=self.regency, officer="kpu", role="kpu"
            )
        self.lines.append(log.append(type, at=at, **own_fields))
        return self.lines[-1]

    def enrol(self, key: Key, officer: str) -> Key:
        """Enrol a device; the officer holds it and may do nothing yet."""
        self._enrolled.add(key.device)
        self.say(self.root, "device_enrolled", enrolled=key.device, holder=officer, key=key.public)
        return key

    def assign(self, key: Key, officer: str, role: str, area: str) -> Key:
        """Enrol the device if it is not, and let the officer work in `area` from it."""
        if key.device not in self._enrolled:
            self.enrol(key, officer)
        self.say(self.root, "assigned", area=area, officer_assigned=officer, role_assigned=role, to_device=key.device)
        return key

    def device(self, name: str, role: str = "kpu", area: str | None = None, officer: str | None = None) -> Key:
        """The key of a made-up device, enrolled and assigned (the whole regency, for kpu)."""
        return self.assign(made_up_key(self.seed, name), officer or name, role, area or self.regency)

    def push(self, held: Sequence[Held], *, registry: Iterable[bytes] = (), receipt: bytes | None = None) -> bytes:
        """One push of consecutive events of a device of this election, signed by its key."""
        return signed_push(held, registry=registry, receipt=receipt)

    async def store(self, journal: RegistryJournal) -> None:
        """Store what was said since the last time, as it is: through no door."""
        for device, log in groupby(self.lines[self._stored :], key=lambda signed: signed.device):
            lines = [signed.line for signed in log]
            for start in range(0, len(lines), LINES_AT_ONCE):
                head = await journal.head(device)
                some = lines[start : start + LINES_AT_ONCE]
                stored = await journal.append(device, head.sequence if head else 0, some)
                assert isinstance(stored, Stored), "somebody else writes this registry"
                self._stored += len(some)

    def registrar(self, journal: RegistryJournal) -> Registrar:
        return Registrar(election=self.election, regency=self.regency, journal=journal, root=lambda: self.root.device)

    async def door(
        self, journal: Journal, registry: RegistryJournal, submit: Submit, *, epoch: int = 1, **more: Any
    ) -> Admission:
        """Admission of this election into `journal`, when everything said so far is stored in `registry`."""
        await self.store(registry)
        return Admission(
            election=self.election,
            regency=self.regency,
            epoch=epoch,
            journal=journal,
            submit=submit,
            registrar=self.registrar(registry),
            service_key=lambda: self.service,
            **more,
        )


def signed_push(held: Sequence[Held], *, registry: Iterable[bytes] = (), receipt: bytes | None = None) -> bytes:
    """One push of consecutive events of a made-up device, in the election that its last event names."""
    election = canonical.decode(held[-1].event_bytes)["election"]
    head = sign_head(known_key(held[0].device), election, held[-1].seq, held[-1].hash)
    return push_file.write_push([one.line for one in held], head, registry=registry, receipt=receipt)
