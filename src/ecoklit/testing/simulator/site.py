"""The office's machines: broker, database, gateways and projector, each of which may die between any two steps.

What a death leaves behind is what the real one may leave: a broker killed in the middle of a batch has it or has it
not, and nobody was told; a database killed in the middle of a step likewise; a gateway forgets all that it was doing,
while what it asked of the broker goes on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from ecoklit.core.policy import Policy
from ecoklit.core.signing import Key
from ecoklit.errors import EcoklitError
from ecoklit.ports import (
    Checkpoint,
    JournalFull,
    JournalUnavailable,
    Position,
    Push,
    RollUnavailable,
    Stale,
    Step,
    Stored,
    check_pushes,
)
from ecoklit.services.admit import Admission
from ecoklit.services.group_commit import GroupCommit
from ecoklit.services.nonce import Nonces
from ecoklit.services.project import JournalRestored, Projector
from ecoklit.services.pull import Puller
from ecoklit.services.rebuild import Rebuilt, rebuild
from ecoklit.services.registry import Registrar
from ecoklit.testing.memory_journal import Fault, MemoryJournal
from ecoklit.testing.memory_reader import MemoryReader
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.memory_roll_store import MemoryRollStore, MemoryTables
from ecoklit.testing.simulator.bounds import BATCH_EVENTS_MAX
from ecoklit.testing.simulator.virtual_loop import VirtualLoop

ELECTION: Final = "pilkada-2024"
REGENCY: Final = "9404"
GATEWAYS: Final = 2
STOPPING_STEPS: Final = 1000
"""For those who are cancelled to end."""

Latency = Callable[[], float]


class Broker:
    """Both journals of one broker: they die together, and each may have what the other has not."""

    def __init__(self, latency: Latency) -> None:
        self.journal = SimulatedJournal(latency)
        self.registry = SimulatedRegistry(latency)

    def crash(self, chance: Callable[[], float]) -> None:
        """Killed: what was being stored is there or is not, part by part."""
        self.journal.crash(chance)
        self.registry.crash(chance)

    def set_away(self, away: bool) -> None:
        self.journal.unavailable = self.registry.unavailable = away

    def backup(self) -> Backup:
        return Backup(len(self.journal._events), len(self.journal._persons), len(self.registry._lines))

    def restore(self, copy: Backup) -> None:
        """As the copy had it; what came later is lost."""
        self.journal.cut(copy.events, copy.persons)
        self.registry.cut(copy.lines)


class Backup(NamedTuple):
    """A copy of the broker's store, by how much is in it: the logs only grow."""

    events: int
    persons: int
    lines: int


class SimulatedJournal(MemoryJournal):
    """A journal whose appends take time, and that can be killed meanwhile."""

    flush_seconds: float | None = None
    """A planted bug: it answers at once, and only so much later is on disk."""

    def __init__(self, latency: Latency) -> None:
        super().__init__()
        self._latency = latency
        self._life = 0
        self._pending: Sequence[Push] = ()
        self._on_disk: tuple[int, int] | None = None

    async def append(self, pushes: Sequence[Push]) -> list[Stored | Stale]:
        check_pushes(pushes)
        await self._reachable()
        # The broker goes on with what it was asked, whoever died meanwhile.
        return await asyncio.shield(asyncio.ensure_future(self._append(pushes)))

    async def _append(self, pushes: Sequence[Push]) -> list[Stored | Stale]:
        life = self._life
        async with self._commit:
            self._demand_alive(life)
            fault = self._faults.popleft() if self._faults else None
            if fault == "full":
                raise JournalFull("The journal in memory was told to be full: send this again.")
            if self.flush_seconds is not None:
                return self._answer_early(pushes)
            self._pending = pushes
            await asyncio.sleep(self._latency())
            self._demand_alive(life)
            self._pending = ()
            outcomes = self._store(pushes, fault)
            self.appends += 1
        if fault is not None:
            raise JournalUnavailable(f"The journal in memory was told to fail ({fault}): send this again.")
        return outcomes

    def _store(self, pushes: Sequence[Push], fault: Fault | None) -> list[Stored | Stale]:
        outcomes: list[Stored | Stale] = []
        if fault in (None, "applied", "persons_only"):
            self._store_persons(pushes)
        if fault in (None, "applied", "events_only"):
            outcomes = [self._store_events(push) for push in pushes]
        return outcomes

    def _answer_early(self, pushes: Sequence[Push]) -> list[Stored | Stale]:
        if self._on_disk is None:
            self._on_disk = (len(self._events), len(self._persons))
            asyncio.get_running_loop().call_later(self.flush_seconds or 0.0, self._flush, self._life)
        return self._store(pushes, None)

    def _flush(self, life: int) -> None:
        if life == self._life:
            self._on_disk = None

    def _demand_alive(self, life: int) -> None:
        if life != self._life:
            raise JournalUnavailable("The broker died: send this again.")

    def crash(self, chance: Callable[[], float]) -> None:
        self._life += 1
        pending, self._pending = self._pending, ()
        events, persons = chance() < 0.5, chance() < 0.5
        if self._on_disk is not None:
            self.cut(*self._on_disk)
            self._on_disk = None
        if persons:
            self._store_persons(pending)
        if events:
            for push in pending:
                self._store_events(push)

    def cut(self, events: int, persons: int) -> None:
        """Lose what lies beyond."""
        del self._events[events:]
        del self._persons[persons:]
        self._heads = {}
        for sequence, event in enumerate(self._events, start=1):
            self._heads[event.device] = sequence

    async def _reachable(self) -> None:
        await asyncio.sleep(self._latency())
        if self.unavailable:
            raise JournalUnavailable("The broker is away: send this again.")

    # --- what a check may look at --------------------------------------------------------------------------------

    @property
    def payloads(self) -> list[tuple[str, bytes]]:
        """(device, event bytes) in the journal's order."""
        return [(one.device, one.payload) for one in self._events]

    @property
    def position(self) -> Position:
        return Position(len(self._events), len(self._persons))


class SimulatedRegistry(MemoryRegistryJournal):
    """The registry's journal, likewise."""

    def __init__(self, latency: Latency) -> None:
        super().__init__()
        self._latency = latency
        self._life = 0
        self._pending: tuple[str, int, Sequence[bytes]] | None = None
        self._commit = asyncio.Lock()

    async def append(self, device: str, after: int, lines: Sequence[bytes]) -> Stored | Stale:
        check_pushes([Push(device, after, tuple(lines))])
        await self._reachable()
        return await asyncio.shield(asyncio.ensure_future(self._append(device, after, lines)))

    async def _append(self, device: str, after: int, lines: Sequence[bytes]) -> Stored | Stale:
        life = self._life
        async with self._commit:
            self._demand_alive(life)
            fault = self._faults.popleft() if self._faults else None
            self._pending = (device, after, lines)
            await asyncio.sleep(self._latency())
            self._demand_alive(life)
            self._pending = None
            outcome = self._store(device, after, lines) if fault != "refused" else None
        if outcome is None or fault is not None:
            raise JournalUnavailable(f"The registry in memory was told to fail ({fault}): send this again.")
        return outcome

    def _demand_alive(self, life: int) -> None:
        if life != self._life:
            raise JournalUnavailable("The broker died: send this again.")

    def crash(self, chance: Callable[[], float]) -> None:
        self._life += 1
        pending, self._pending = self._pending, None
        if pending is not None and chance() < 0.5:
            self._store(*pending)

    def cut(self, lines: int) -> None:
        del self._lines[lines:]
        self._heads = {device: position for position, (device, _) in enumerate(self._lines, start=1)}

    async def _reachable(self) -> None:
        await asyncio.sleep(self._latency())
        if self.unavailable:
            raise JournalUnavailable("The broker is away: send this again.")

    @property
    def lines(self) -> list[bytes]:
        return [line for _, line in self._lines]


class SimulatedStore(MemoryRollStore):
    """One connection to the database: it takes time, and dies with whoever had it."""

    def __init__(self, tables: MemoryTables, site: Site) -> None:
        super().__init__(tables)
        self.is_dead = False
        self._site = site

    async def apply(self, step: Step) -> None:
        self._faults.extend(self._site.store_faults)
        self._site.store_faults.clear()
        await super().apply(step)
        await asyncio.sleep(self._site.latency())  # the answer is on its way

    async def _reachable(self) -> None:
        await asyncio.sleep(self._site.latency())
        if self.is_dead or self._site.is_database_away:
            self.drop()
            raise RollUnavailable("The database is away: go on from the checkpoint.")
        await super()._reachable()

    def drop(self) -> None:
        """The connection is gone, and the lease with it."""
        if self.tables.leased_to is self:
            self.tables.leased_to = None


class SimulatedRolls:
    """`ports.Rolls` of the site's database."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def regencies(self) -> list[str]:
        return [REGENCY]

    def live(self, regency: str) -> SimulatedStore:
        return SimulatedStore(self._site.live, self._site)

    def shadow(self, regency: str) -> SimulatedStore:
        return SimulatedStore(self._site.shadow, self._site)

    async def clear(self) -> None:
        await asyncio.sleep(self._site.latency())
        self._site.shadow.__init__(self._site.next_generation())  # type: ignore[misc]

    async def swap(self) -> None:
        await asyncio.sleep(self._site.latency())
        if self._site.is_database_away:
            raise RollUnavailable("The database is away: nothing was swapped.")
        self._site.live, self._site.shadow = self._site.shadow, MemoryTables(self._site.next_generation())


class KeptEvidence:
    """Refused pushes that are proof of a clone."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes]] = []

    async def keep(self, device: str, body: bytes) -> bool:
        if (device, body) not in self.kept:
            self.kept.append((device, body))
        return True


class Gateway:
    """One process of the service: stateless, so that its death costs nothing but the answers on their way."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.requests: dict[asyncio.Task[Any], None] = {}
        self.group = GroupCommit(site.broker.journal)
        self.registrar = Registrar(
            election=ELECTION, regency=REGENCY, journal=site.broker.registry, root=lambda: site.root_device
        )
        self.admission = Admission(
            election=ELECTION,
            regency=REGENCY,
            epoch=site.epoch,
            journal=site.broker.journal,
            submit=self.group.submit,
            registrar=self.registrar,
            service_key=lambda: site.service_key,
            standings=site.reader,
            evidence=site.evidence,
            now=site.now,
        )
        self.puller = Puller(
            election=ELECTION,
            regency=REGENCY,
            reader=site.reader,
            registry=self.registrar.current,
            nonces=Nonces(b"one secret of all gateways", lambda: asyncio.get_running_loop().time()),
            journal=site.broker.journal,
            clock=lambda: asyncio.get_running_loop().time(),
        )

    def serve(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self.requests[task] = None
        task.add_done_callback(lambda done: self.requests.pop(done, None))
        return task

    async def push(self, body: bytes) -> bytes:
        line = await self.admission.push(body)
        self.site.on_receipt(line)
        return line

    async def registry(self, after: int) -> bytes:
        lines = await self.site.broker.registry.read(after, 1000)
        return b"".join(line.payload + b"\n" for line in lines)

    def crash(self) -> None:
        for task in [*self.requests]:
            task.cancel()
        if self.group._worker is not None:
            self.group._worker.cancel()


class Site:
    """All machines, and what happens to them. `on_receipt` is called with every receipt before it leaves."""

    def __init__(
        self,
        loop: VirtualLoop,
        random: Random,
        policies: dict[str, Policy],
        *,
        root_device: str,
        service_key: Key,
        now: Callable[[], str],
        on_receipt: Callable[[bytes], None],
    ) -> None:
        self.loop = loop
        self.random = random
        self.policies = policies
        self.root_device = root_device
        self.service_key = service_key
        self.now = now
        self.on_receipt = on_receipt
        self.epoch = 1
        self.counts: Counter[str] = Counter()
        self._generations = 0
        self.live = MemoryTables(self.next_generation())
        self.shadow = MemoryTables(self.next_generation())
        self.store_faults: list[Any] = []
        self.is_database_away = False
        self.evidence = KeptEvidence()
        self.reader = MemoryReader(self.live_tables)
        self.broker = Broker(self.latency)
        self.gateways: list[Gateway | None] = [Gateway(self) for _ in range(GATEWAYS)]
        self.stopped_by: BaseException | None = None
        self.is_rebuild_needed = False
        self.is_rebuilding = False
        self.projector: asyncio.Task[None] | None = None
        self._store: SimulatedStore | None = None

    def latency(self) -> float:
        return 0.001 + 0.02 * self.random.random() ** 3

    def next_generation(self) -> str:
        self._generations += 1
        return f"{self._generations:x}"

    def live_tables(self) -> MemoryTables:
        if self.is_database_away:
            raise RollUnavailable("The database is away.")
        return self.live

    # --- the gateways --------------------------------------------------------------------------------------------

    def gateway(self, choice: float) -> Gateway | None:
        """The gateway that a request gets to; None when it is down."""
        return self.gateways[int(choice * len(self.gateways))]

    def crash_gateway(self, number: int) -> None:
        gateway = self.gateways[number]
        if gateway is not None:
            gateway.crash()
        self.gateways[number] = None

    def start_gateways(self) -> None:
        if self.is_rebuild_needed:
            return
        for number, gateway in enumerate(self.gateways):
            if gateway is None:
                self.gateways[number] = Gateway(self)

    # --- the projector -------------------------------------------------------------------------------------------

    def start_projector(self) -> None:
        if self.projector is None and not self.is_rebuild_needed and not self.is_rebuilding:
            self._store = SimulatedStore(self.live, self)
            self.projector = self.loop.create_task(self._project(self._store))

    async def _project(self, store: SimulatedStore) -> None:
        projector = self.new_projector(store)
        try:
            await projector.run_forever(asyncio.Event())
        except asyncio.CancelledError:
            raise
        except JournalRestored:
            self.is_rebuild_needed = True
        except BaseException as fault:
            self.stopped_by = fault
        finally:
            store.drop()
            if self._store is store:
                self.projector = None

    def new_projector(self, store: MemoryRollStore) -> Projector:
        return Projector(
            self.broker.journal,
            store,
            self.policies,
            election=ELECTION,
            regency=REGENCY,
            registry=self.broker.registry,
            batch_events_max=BATCH_EVENTS_MAX,
        )

    def kill_projector(self) -> None:
        if self.projector is not None and self._store is not None:
            self.projector.cancel()
            self._store.is_dead = True
            self._store.drop()
            self.projector = None

    def rebuild(self) -> Rebuilt | EcoklitError:
        """Make the roll anew from the journal, as the operator does: the projector is stopped meanwhile."""
        if self.is_rebuilding:
            return EcoklitError("projector_taken", "A rebuild is under way already.")
        self.kill_projector()
        accept = self.is_rebuild_needed
        self.is_rebuilding = True
        try:
            done: Rebuilt = self.loop.run_until_complete(
                rebuild(
                    SimulatedRolls(self),
                    {REGENCY: self.broker.journal},
                    self.policies,
                    election=ELECTION,
                    registries={REGENCY: self.broker.registry},
                    accept=accept,
                )
            )
        except EcoklitError as error:
            self.is_rebuilding = False
            self.start_projector()
            return error
        self.is_rebuild_needed = self.is_rebuilding = False
        self.start_gateways()
        self.start_projector()
        return done

    def stop(self) -> None:
        """Let nobody go on."""
        self.kill_projector()
        for number in range(len(self.gateways)):
            self.crash_gateway(number)
        for _ in range(STOPPING_STEPS):
            if not self.loop.step(self.loop.time()):
                break

    # --- the broker ----------------------------------------------------------------------------------------------

    def restore(self, copy: Backup) -> None:
        """The broker's store is replaced by an older copy: all is stopped, the roll made anew, the epoch raised, all
        started (docs/OPERATING.md). While there is no roll, the gateways stay down."""
        self.kill_projector()
        for number in range(len(self.gateways)):
            self.crash_gateway(number)
        self.broker.crash(lambda: 1.0)
        self.broker.restore(copy)
        self.epoch += 1
        self.is_rebuild_needed = True

    def crash_database(self) -> None:
        """Killed: the step that was being applied is there, or is not; every connection is gone."""
        self.store_faults.append("applied" if self.random.random() < 0.5 else "refused")
        self.is_database_away = True
        self.live.leased_to = None

    def ask(self, question: Awaitable[Any]) -> Any:
        """What an administrator asks, at once."""
        return self.loop.run_until_complete(question)

    def caught_up(self) -> Checkpoint | None:
        """The checkpoint, when all of both journals is projected."""
        at, there = self.live.checkpoint, self.broker.journal.position
        is_all = (at.events, at.persons, at.registry) == (there.events, there.persons, len(self.broker.registry.lines))
        return at if is_all else None
