"""The registry as the service has it now: the fold of the registry's journal, and the door into it (SPEC §7.3, §8).

Nobody but the journal knows who may do what. Each service folds it for itself, line by line, and reads on when its
knowledge is a second old, when a device is unknown to it, and around everything that it stores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from ecoklit.core import admission, ids
from ecoklit.core.admission import Known, Refused
from ecoklit.core.event import Malformed
from ecoklit.core.registry import Registry, Void, extended
from ecoklit.core.registry_event import ElectionOpened, RegistryLog, SignedRegistry, read_line
from ecoklit.core.signing import Key, PublicKey
from ecoklit.errors import EcoklitError
from ecoklit.ports import JournalBusy, RegistryJournal, RegistryMessage, Stored

FRESH_SECONDS: Final = 1.0
"""How old the fold may be: a revocation is to take effect within 10 s."""
READ_LINES_MAX: Final = 1000
ATTEMPTS_MAX: Final = 8
"""Each lost race means that another gateway has just stored lines of the same log."""


class RegistryHeld(NamedTuple):
    """How far a device's log in the registry is held: its last event there, and that one's position."""

    device: str
    seq: int
    hash: bytes
    position: int


class _Kept(NamedTuple):
    line: bytes
    hash: bytes
    position: int


class Registrar:
    """The live registry of one election and regency, and the door into its journal.

    `root` gives the device of the only key that may open the election here, None while it is opened elsewhere.
    """

    def __init__(
        self, *, election: str, regency: str, journal: RegistryJournal, root: Callable[[], str | None] = lambda: None
    ) -> None:
        self._election = election
        self._regency = regency
        self._journal = journal
        self._root = root
        self._registry = Registry(election, regency)
        self._logs: dict[str, list[_Kept]] = {}
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def current(self, reaching: int = 0) -> Registry:
        """The registry as it is now, or was at most a second ago; up to position `reaching` at least.

        Raises JournalError.
        """
        if not self._is_fresh(reaching):
            async with self._reading:
                if not self._is_fresh(reaching):  # somebody else may have read on meanwhile
                    await self._read_on()
        return self._registry

    async def refreshed(self) -> Registry:
        """The registry with everything that was stored before this call. Raises JournalError."""
        async with self._reading:
            await self._read_on()
        return self._registry

    def end_of(self, device: str) -> RegistryHeld | None:
        """Where the log of `device` ends, as far as it is known here."""
        log = self._logs.get(device)
        return RegistryHeld(device, len(log), log[-1].hash, log[-1].position) if log else None

    async def admit(self, lines: Sequence[SignedRegistry]) -> RegistryHeld:
        """Take registry events of any devices, each signer known before it speaks; gives the end of the last one's log.

        The events of each device that follow each other are taken whole or not at all, and stay whatever comes after
        them. Raises Refused wrong_election, unknown_device, bad_signature, equivocation, gap or broken_chain, and
        JournalError. An event whose signer had no right is no fault: it is taken, and void.
        """
        for signed in lines:
            if (signed.election, signed.regency) != (self._election, self._regency):
                raise Refused(
                    admission.WRONG_ELECTION,
                    f"registry event {signed.seq} of {signed.device} is of another election or regency; "
                    f"this service is of {self._election} in {self._regency}",
                )
        held = [await self._admit_log(tuple(log)) for _, log in groupby(lines, key=lambda signed: signed.device)]
        return held[-1]

    async def say(self, key: Key, type: str, /, *, officer: str, at: str, **own_fields: Any) -> None:
        """Append one event to the log of `key` itself, signed. Raises JournalError."""
        for _ in range(ATTEMPTS_MAX):
            await self.refreshed()
            end = self.end_of(key.device)
            log = RegistryLog(key, election=self._election, regency=self._regency, officer=officer, role="kpu")
            if end is not None:
                log.seq, log.prev = end.seq, ids.to_base64url(end.hash)
            signed = log.append(type, at=at, **own_fields)
            outcome = await self._journal.append(key.device, end.position if end else 0, [signed.line])
            if isinstance(outcome, Stored):
                await self.refreshed()
                return
        raise JournalBusy(f"Many are writing the registry log of {key.device} at once: try again.")

    async def _admit_log(self, lines: Sequence[SignedRegistry]) -> RegistryHeld:
        device = lines[0].device
        for _ in range(ATTEMPTS_MAX):
            registry = await (self.current() if self._holds(lines) else self.refreshed())
            log = self._logs.get(device, [])
            if not self._holds(lines):
                key = admission.demand_known(device, self._key(registry, lines[0]), opened=registry.position > 0)
                for signed in lines:
                    if not self._holds([signed]):
                        admission.demand_registry_signature(signed, key)
            known = Known(len(log), {seq: kept.hash for seq, kept in enumerate(log, start=1)})
            fresh = admission.admit_log(lines, known)
            if not fresh:
                return RegistryHeld(device, len(log), log[-1].hash, log[-1].position)
            outcome = await self._journal.append(
                device, log[-1].position if log else 0, [signed.line for signed in fresh]
            )
            if isinstance(outcome, Stored):
                await self.refreshed()
                return RegistryHeld(device, fresh[-1].seq, fresh[-1].hash, outcome.last)
        raise JournalBusy(f"Many are pushing the registry log of {device} at once: wait a few seconds, send it again.")

    def _key(self, registry: Registry, first: SignedRegistry) -> PublicKey | None:
        if registry.position == 0 and isinstance(first.event, ElectionOpened) and first.device == self._root():
            return first.event.root  # its device is that of the key, or it would be no good event
        return registry.key_of(first.device)

    def _holds(self, lines: Sequence[SignedRegistry]) -> bool:
        """Whether exactly these lines are held: they were checked when they came, and need not be again."""
        log = self._logs.get(lines[0].device, [])
        return all(signed.seq <= len(log) and log[signed.seq - 1].line == signed.line for signed in lines)

    def _is_fresh(self, reaching: int) -> bool:
        if self._read_at is None or self._registry.position < reaching:
            return False
        return asyncio.get_running_loop().time() - self._read_at < FRESH_SECONDS

    async def _read_on(self) -> None:
        began = asyncio.get_running_loop().time()
        while messages := await self._journal.read(self._registry.position, READ_LINES_MAX):
            self._registry = extended(self._registry, [(one.sequence, _line(one)) for one in messages])
            self._demand_root()
            for message in messages:
                self._keep(message)
        self._read_at = began

    def _demand_root(self) -> None:
        root = self._root()
        if root is not None and self._registry.root_device != root:
            raise EcoklitError(
                "other_root",
                f"The registry at the broker is not under this office's root key {root}: it is another election, or "
                "somebody else opened it. Mend the broker's address, or use a new broker.",
            )

    def _keep(self, message: RegistryMessage) -> None:
        log = self._logs.setdefault(message.device, [])
        signed = _line(message)
        if isinstance(signed, SignedRegistry) and signed.seq == len(log) + 1:
            log.append(_Kept(message.payload, signed.hash, message.sequence))


def _line(message: RegistryMessage) -> SignedRegistry | Void:
    try:
        return read_line(message.payload)
    except Malformed as error:  # nobody was let in with it: the fold lists it, and goes on
        return Void(message.sequence, message.device, 0, "", "malformed", error.message)
