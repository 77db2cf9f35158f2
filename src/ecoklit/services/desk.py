"""An office at work on the registry: it signs rights, judged by the law of the fold before they are said (SPEC §8).

With or without a network. What is signed is kept here first (`OfficeStore`), and sent with the next `sync`. A chain is
never said twice: while the registry was never seen, or holds what this office did not sign, nothing is signed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from ecoklit.core import enrolment, ids
from ecoklit.core.enrolment import KeyLine
from ecoklit.core.limits import PUSH_BYTES_MAX, PUSH_REGISTRY_LINES_MAX
from ecoklit.core.push_file import write_push
from ecoklit.core.registry import LogEnd, Registry, RegistryFault, fold_registry
from ecoklit.core.registry_event import OfficeRole, RegistryLog, SignedRegistry
from ecoklit.core.signing import Key
from ecoklit.errors import EcoklitError

Act = tuple[str, dict[str, Any]]
"""A registry event to be said: its type and its own fields."""

OFFICES: Final[tuple[OfficeRole, ...]] = ("kpu", "ppk", "pps")
"""From the highest down."""

ROOT_OFFICER: Final = "root"


class DeskFault(EcoklitError):
    """Nothing was signed. Codes: not_entitled, registry_unknown, bad_registry, bad_right."""


class OfficeStore(Protocol):
    """What an office knows and has said of the registry. Durable on return; one program at a time holds it."""

    @property
    def root(self) -> str:
        """The device id of the root key."""
        ...

    @property
    def position(self) -> int:
        """The registry position up to which everything is known, 0 before the first sync."""
        ...

    def known(self) -> list[tuple[int, bytes]]: ...

    def unsent(self) -> list[bytes]: ...

    def learn(self, lines: Iterable[tuple[int, bytes]]) -> None: ...

    def relearn(self, lines: Iterable[tuple[int, bytes]], signers: Collection[str] = ()) -> None: ...

    def say(self, lines: Sequence[SignedRegistry]) -> None: ...


class RegistryLink(Protocol):
    """The registry where everybody sees it."""

    async def push(self, body: bytes) -> object:
        """Take a push of registry lines; raises core.admission.Refused, ServiceUnavailable."""
        ...

    async def registry(self, after: int) -> list[tuple[int, bytes]]:
        """Every registry line above the position `after`: (position, line), in order."""
        ...


class Synced(NamedTuple):
    """What a sync did: lines that were sent, and lines that were new here."""

    sent: int
    learned: int


class Desk:
    """One office's device, `key`; with the root's key, the root itself, which leaves its kit for this one act."""

    def __init__(self, store: OfficeStore, key: Key, *, election: str, regency: str, clock: Callable[[], str]) -> None:
        self._store = store
        self._key = key
        self._election = election
        self._regency = regency
        self._clock = clock

    @property
    def device(self) -> str:
        return self._key.device

    @property
    def root(self) -> str:
        """The device id of the root key."""
        return self._store.root

    @property
    def registry(self) -> Registry:
        """The registry as this office knows it, with what it has said and not yet sent at its end."""
        try:
            return fold_registry(self._election, self._regency, self._lines(), root=self._store.root)
        except RegistryFault as error:
            raise DeskFault(
                "bad_registry", f"What this office was given is no registry of its election: {error}."
            ) from error

    def lines(self) -> list[bytes]:
        """Every registry line that is known here, in the registry's order, and what waits to be sent."""
        return [line for _, line in self._lines()]

    @property
    def waiting(self) -> int:
        """Lines that were signed here and wait to be sent."""
        return len(self._store.unsent())

    def _lines(self) -> list[tuple[int, bytes]]:
        known = self._store.known()
        last = known[-1][0] if known else 0
        return [*known, *enumerate(self._store.unsent(), last + 1)]

    # --- signing -----------------------------------------------------------------------------------------------------

    def say(self, *acts: Act) -> list[SignedRegistry]:
        """Sign `acts` one after another, all or none, and keep them. Raises DeskFault."""
        registry = self.registry
        if registry.root is None:
            raise DeskFault(
                "registry_unknown",
                "What was signed before is not known here, and two events must not get one number: "
                "run 'ecoklit registry sync' first, where there is a network.",
            )
        log, said = self._log(registry), []
        for kind, fields in acts:
            line = self._signed(log, self._clock(), kind, fields)
            registry = registry.extended(registry.position + 1, line)
            if registry.voids and registry.voids[-1].position == registry.position:
                raise DeskFault(
                    "not_entitled",
                    f"This office may not say '{kind}' there: {registry.voids[-1].why}. Nothing was signed; "
                    "an office above it can.",
                )
            said.append(line)
        self._store.say(said)
        return said

    def _log(self, registry: Registry) -> RegistryLog:
        end = registry.logs.get(self._key.device, LogEnd(0, ids.ZERO_HASH))
        officer, role = self._author(registry)
        return RegistryLog(
            self._key,
            election=self._election,
            regency=self._regency,
            officer=officer,
            role=role,
            seq=end.seq,
            prev=ids.to_base64url(end.hash),
        )

    def _author(self, registry: Registry) -> tuple[str, OfficeRole]:
        """Under which name and office it signs: its highest. The root acts as kpu."""
        if self._key.device == registry.root_device:
            return ROOT_OFFICER, "kpu"
        rights = [(grant.officer, grant.role) for grant in registry.grants_of(self._key.device)]
        for role in OFFICES:
            for officer, own in rights:
                if own == role:
                    return officer, role
        raise DeskFault(
            "not_entitled",
            f"The registry knows no office of the key {self._key.device} (any more): ask the office above to enrol it.",
        )

    @staticmethod
    def _signed(log: RegistryLog, at: str, kind: str, fields: dict[str, Any]) -> SignedRegistry:
        try:
            return log.append(kind, at=at, **fields)
        except ValueError as error:
            raise DeskFault("bad_right", f"That cannot be signed: {error}; mend it.") from error

    # --- what an office does -----------------------------------------------------------------------------------------

    def invite(
        self, officer: str, role: str, area: str, *, until: str, entropy: bytes, first: Sequence[Act] = ()
    ) -> str:
        """A code for `officer`'s device, which will be enrolled in `role` for `area`; good once, until `until`.

        `first` is said ahead of it by the same act: a revocation of the device that it replaces.
        """
        code = enrolment.code_of(entropy)
        voucher = enrolment.voucher_key(code, self._election, self._regency)
        fields = {
            "area": area,
            "key": voucher.public,
            "officer_assigned": officer,
            "role_assigned": role,
            "until": until,
            "voucher": voucher.device,
        }
        self.say(*first, ("vouched", fields))
        return code

    def enrol(self, line: KeyLine, officer: str, role: str, area: str, *, first: Sequence[Act] = ()) -> None:
        """Enrol the device whose key was shown, for `officer` in `role` and `area`; `first` is said ahead of it."""
        fields: dict[str, Any] = {"enrolled": line.key.device, "holder": officer, "key": line.key}
        if isinstance(line.nkey, str):
            fields["nkey"] = line.nkey
        self.say(*first, ("device_enrolled", fields), assigned(officer, role, area, line.key.device))

    # --- with a network ----------------------------------------------------------------------------------------------

    async def sync(self, link: RegistryLink) -> Synced:
        """Learn what the registry holds, send what waits here, and see it held. Again changes nothing.

        Codes of this office that nobody used in time are taken back by the way.
        """
        learned = await self._learn(link)
        self._take_back()
        waiting = self._store.unsent()
        for body in pushes_of(waiting):
            await link.push(body)
        if waiting:
            await self._learn(link)
        return Synced(len(waiting) - len(self._store.unsent()), learned)

    def _take_back(self) -> None:
        registry, now = self.registry, datetime.fromisoformat(self._clock())
        unused = [
            device
            for device, voucher in registry.vouchers.items()
            if voucher.by == self._key.device
            and voucher.used_by is None
            and not registry.is_revoked(device)
            # No fold reads a wall clock, so that a code ends by what its office says (decision 0064).
            and datetime.fromisoformat(voucher.until) < now
        ]
        if unused and not registry.is_revoked(self._key.device):
            self.say(*(revoked(device, 1) for device in unused))

    async def _learn(self, link: RegistryLink) -> int:
        return await learn(self._store, link, self._key.device)


async def learn(store: OfficeStore, link: RegistryLink, signer: str) -> int:
    """Keep what the registry holds and was not known yet; how many lines. What it lost waits in `store` to be sent."""
    # From the last known line on, which tells whether it is the registry that was known.
    after = store.position
    lines = await link.registry(max(0, after - 1))
    if after and (not lines or lines[0] != store.known()[-1]):
        # The registry was restored from an older copy: what it lost is sent again from here.
        store.relearn(await link.registry(0), (signer, store.root))
        return 0
    new = [line for line in lines if line[0] > after]
    store.learn(new)
    return len(new)


def assigned(officer: str, role: str, area: str, device: str | None) -> Act:
    fields = {"area": area, "officer_assigned": officer, "role_assigned": role}
    return "assigned", fields if device is None else {**fields, "to_device": device}


def revoked(device: str, from_seq: int, area: str | None = None) -> Act:
    """`device`'s right ends: its events from `from_seq` on leave the count; with `area`, only that right ends."""
    fields: dict[str, Any] = {"from_seq": from_seq, "revoked": device}
    return "revoked", fields if area is None else {**fields, "area": area}


def pushes_of(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Registry lines as pushes of nothing else, each within its bounds."""
    rest = iter(lines)
    while part := list(islice(rest, PUSH_REGISTRY_LINES_MAX)):
        while sum(len(line) + 1 for line in part) > PUSH_BYTES_MAX:
            half = len(part) // 2
            yield write_push((), None, registry=part[:half])
            part = part[half:]
        yield write_push((), None, registry=part)
