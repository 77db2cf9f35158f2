"""Phones under load: real phones with stores of their own, in processes of their own that can be killed.

A phone says some entries, syncs, and says more, until it has said its share; then the next one begins. What it knows it
tells a witness, a file beside its store that no fault of the test touches:

    {"saved": SEQ, "hash": H}              the entry is on the phone's disk
    {"acked": SEQ, "hash": H}              a verified receipt names it, and is on the phone's disk
    {"away": true}                         a sync that broke off, or was asked to wait
    {"trouble": CODE, "why": TEXT}         something that no fault of ours explains
    {"done": true, "same": BOOL|null}      all is sent; whether the phone's digest was the service's

As a program, `python -m ecoklit.testing.chaos.load PLAN`: the end of its standard input asks it to send what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from ecoklit import contract
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.ids import to_base64url
from ecoklit.core.receipt import SignedReceipt
from ecoklit.core.wire import Held
from ecoklit.errors import EcoklitError
from ecoklit.field import enrolment
from ecoklit.field.client import Client, Synced
from ecoklit.field.http_transport import HttpTransport
from ecoklit.field.outbox import Outbox
from ecoklit.field.phone import Phone
from ecoklit.field.trouble import Away, TryLater
from ecoklit.testing.chaos.house import House, HouseFault, die_with_parent, tps_of
from ecoklit.testing.made_up_keys import made_up_key

AT: Final = datetime.fromisoformat("2024-06-25T09:00:00+09:00")
PROCESSES: Final = 2
PHONES_AT_ONCE: Final = 3
"""Of each process."""

ENTRIES_MAX: Final = 400
"""Of each phone: it folds all that it knows at every sync."""

ABOUT_ONE_MAX: Final = 20
AWAY_SECONDS: Final = 0.1
WAIT_SECONDS_MAX: Final = 0.5
DRAIN_SECONDS_MAX: Final = 120.0
MORE_SECONDS_MAX: Final = 120.0
POLL_SECONDS: Final = 0.05
STORE: Final = "phones"
WITNESS: Final = "witness"


class Plan(msgspec.Struct):
    """What one load process does: these phones, so many at once, each of which says `entries_max` entries.

    `entries` are said between two syncs, then it waits `pause_seconds`; an answer may take `answer_seconds_max`.
    """

    folder: str
    witness: str
    url: str
    seed: int
    phones: list[str]
    tps: dict[str, str]
    registry: str
    at_once: int = PHONES_AT_ONCE
    entries: int = 8
    entries_max: int = ENTRIES_MAX
    pause_seconds: float = 0.02
    answer_seconds_max: float = 5.0


# --- what a phone tells ----------------------------------------------------------------------------------------------


class Witness:
    """Where a phone notes what it was promised."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def tell(self, **what: Any) -> None:
        os.write(self._file, json.dumps(what).encode() + b"\n")

    def acked(self, seq: int, hash: str) -> None:
        self.tell(acked=seq, hash=hash)
        os.fdatasync(self._file)

    def close(self) -> None:
        os.close(self._file)


class WitnessedOutbox(Outbox):
    """A phone's store, whose promises are noted once they are given."""

    def __init__(self, home: Path, witness: Witness) -> None:
        super().__init__(home, make=True)
        self._witness = witness

    def append(self, held: Held) -> None:
        super().append(held)
        self._witness.tell(saved=held.seq, hash=to_base64url(held.hash))

    def take_receipt(self, signed: SignedReceipt) -> None:
        super().take_receipt(signed)
        if signed.receipt.log == "voters":
            self._witness.acked(signed.receipt.seq, signed.receipt.head)


class Noted(NamedTuple):
    """What one phone noted: seq → hash of what was saved and acknowledged, its troubles, how it ended, and how many
    syncs broke off."""

    saved: dict[int, str]
    acked: dict[int, str]
    troubles: list[str]
    done: bool
    same: bool | None
    away: int


def read_witness(file: Path) -> Noted:
    """A line that a kill cut off in the middle is left out: it was not told."""
    noted = Noted({}, {}, [], False, None, 0)
    for line in file.read_bytes().split(b"\n")[:-1] if file.exists() else ():
        told = json.loads(line)
        if "saved" in told:
            noted.saved[told["saved"]] = told["hash"]
        elif "acked" in told:
            noted.acked[told["acked"]] = told["hash"]
        elif "away" in told:
            noted = noted._replace(away=noted.away + 1)
        elif "trouble" in told:
            noted.troubles.append(f"{told['trouble']}: {told['why']}")
        else:
            noted = noted._replace(done=True, same=told["same"])
    return noted


# --- a phone at work -------------------------------------------------------------------------------------------------


class Hand:
    """One phone in somebody's hand: it says entries and syncs."""

    def __init__(self, plan: Plan, name: str, registry: bytes) -> None:
        self._plan = plan
        self.tps = plan.tps[name]
        self.witness = Witness(Path(plan.witness) / name)
        self.outbox = WitnessedOutbox(Path(plan.folder) / name, self.witness)  # makes the folders above it too
        key = made_up_key(plan.seed, name)
        if self.outbox.identity() is None:
            self.outbox.make_identity(key)
        if not self.outbox.about().election:
            enrolment.take(self.outbox, enrolment.read(registry, key), service=plan.url)
        self.phone = Phone(self.outbox, contract.policies(), now=lambda: AT, entropy=os.urandom)
        self._services = enrolment.services_of(self.outbox)
        self._device = key.device
        self._random = Random(f"{plan.seed} {name} {self.said}")

    @property
    def said(self) -> int:
        return self.outbox.end(self._device)[0]

    def is_full(self) -> bool:
        return self.said >= self._plan.entries_max

    def say(self) -> None:
        """The next entry: somebody new, or news of somebody whom this phone or a colleague has met."""
        voters = [state.decision.voter for state in self.phone.states() if state.decision.tps == self.tps]
        voter = self._random.choice(voters) if voters and self._random.random() < 0.7 else None
        if voter is None or len(self.phone.about(voter)) >= ABOUT_ONE_MAX:
            name = f"WARGA {self._device[:6]} {self.said}"
            person = {"record": dict.fromkeys(RECORD_FIELDS) | {"name": name}}
            self.phone.say("new", None, how="in_person", document="ktp_el", person=person)
        elif self._random.random() < 0.3:
            self.phone.say("not_met", voter, why="absent")
        elif self._random.random() < 0.3:
            self.phone.say("found", voter, how="family", person={"changes": {"rt": f"{self._random.randrange(99):03}"}})
        else:
            self.phone.say("found", voter, how=self._random.choice(("in_person", "family", "document")))

    def sync(self) -> Synced | None:
        """One sync; None when it did not come to its end, after the pause that it was asked for."""
        way = HttpTransport(self._plan.url, seconds_max=self._plan.answer_seconds_max)
        try:
            return Client(self.phone, way, self._services, sleep=time.sleep).sync()
        except Away:
            self.witness.tell(away=True)
            time.sleep(AWAY_SECONDS)
        except TryLater as later:
            self.witness.tell(away=True)
            time.sleep(min(later.seconds, WAIT_SECONDS_MAX))
        except EcoklitError as error:
            self.witness.tell(trouble=error.code, why=error.message)
            time.sleep(AWAY_SECONDS)
        return None

    def work(self, stop: threading.Event) -> None:
        """Say and sync until the share is said, or `stop` is set; then send what is left."""
        while not stop.is_set() and not self.is_full():
            for _ in range(self._plan.entries):
                self.say()
            self.sync()
            stop.wait(self._plan.pause_seconds)
        self.finish()

    def finish(self) -> None:
        deadline = time.monotonic() + DRAIN_SECONDS_MAX
        while time.monotonic() < deadline:
            synced = self.sync()
            if synced is not None and not self.outbox.is_unsent():
                same = all(one.same for one in synced.compared)
                if same or not any(one.why for one in synced.compared):
                    self.witness.tell(done=True, same=same)
                    return
        self.witness.tell(done=True, same=None)

    def close(self) -> None:
        self.outbox.close()
        self.witness.close()


def play(plan: Plan, stop: threading.Event) -> None:
    """Let the phones of `plan` work, the next one when one has said its share."""
    registry = Path(plan.registry).read_bytes()
    waiting = iter([name for name in plan.phones if not read_witness(Path(plan.witness) / name).done])
    turn = threading.Lock()

    def worker() -> None:
        while True:
            with turn:
                name = next(waiting, None)
            if name is None:
                return
            if stop.is_set() and not (Path(plan.folder) / name).exists():
                continue  # it never began; the others send what they have
            hand = Hand(plan, name, registry)
            try:
                hand.work(stop)
            except Exception as error:
                hand.witness.tell(trouble=type(error).__name__, why=str(error))
                raise
            finally:
                hand.close()

    workers = [threading.Thread(target=worker) for _ in range(plan.at_once)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()


def main() -> None:
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    stop = threading.Event()

    def watch() -> None:
        while os.read(0, 1):  # not sys.stdin, whose lock a daemon thread would hold at the end
            pass
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    play(plan, stop)


# --- from outside ----------------------------------------------------------------------------------------------------


class Load:
    """Some load processes on a house: `load.start()`, kills and restarts, at the end `await load.drain()`.

    `stores` is where the phones keep theirs; the witnesses are always in the house's own folder. `prefix` are words in
    front of the command, as of `ip netns exec`.
    """

    def __init__(
        self,
        house: House,
        *,
        processes: int = PROCESSES,
        phones: Sequence[str] | None = None,
        stores: Path | None = None,
        url: str | None = None,
        prefix: Sequence[str] = (),
        **more: Any,
    ) -> None:
        """All of the house's phones, or these; `more` goes into each Plan."""
        self._house = house
        self.folder = house.folder
        self.witness = house.folder / WITNESS
        self._prefix = list(prefix)
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.killed: Counter[int] = Counter()
        self.witness.mkdir(exist_ok=True)
        store = (stores or house.stores) / STORE
        registry = house.folder / "registry.ndjson"
        registry.write_bytes(b"".join(line + b"\n" for line in house.election.registry))
        self.phones = house.phones if phones is None else tuple(phones)
        self.devices = {made_up_key(house.seed, name).device: name for name in self.phones}
        for nth in range(processes):
            plan = Plan(
                folder=str(store),
                witness=str(self.witness),
                url=url or house.url,
                seed=house.seed,
                phones=list(self.phones[nth::processes]),
                tps={name: tps_of(house.phones, name) for name in house.phones},
                registry=str(registry),
                **more,
            )
            self._plan(nth).write_bytes(msgspec.json.encode(plan))
        self._processes = processes

    def _plan(self, nth: int) -> Path:
        return self.folder / f"load{nth}.json"

    def start(self) -> None:
        for nth in range(self._processes):
            self.restart(nth)

    def restart(self, nth: int) -> None:
        command = [*self._prefix, sys.executable, "-m", "ecoklit.testing.chaos.load", str(self._plan(nth))]
        with (self.folder / f"load{nth}.log").open("ab") as log:
            self._running[nth] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent(),
            )  # fmt: skip

    def restart_killed(self) -> None:
        """Start those processes again that were killed."""
        for nth in range(self._processes):
            if nth not in self._running:
                self.restart(nth)

    def pids(self) -> list[int]:
        return [process.pid for process in self._running.values() if process.poll() is None]

    def freeze(self) -> None:
        """SIGSTOP to all of them; `close` ends them all the same."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    async def kill(self, nth: int) -> None:
        """SIGKILL to a load process: all its phones are dropped at once."""
        process = self._running.pop(nth)
        process.kill()
        self.killed[nth] += 1
        await asyncio.to_thread(process.wait)

    @property
    def working(self) -> int:
        """How many load processes have phones that still say something."""
        return len(self.pids())

    def acknowledged(self) -> int:
        """How many events the receipts name that were noted by now."""
        return sum(max(one.acked, default=0) for one in self.noted().values())

    def saved(self) -> int:
        """How many entries the phones have said were saved."""
        return sum(max(one.saved, default=0) for one in self.noted().values())

    def broken_off(self) -> int:
        """How many syncs did not come to their end."""
        return sum(one.away for one in self.noted().values())

    async def more_saved(self, entries: int) -> None:
        """Wait until so many more entries are saved, receipted or not. Raises HouseFault when they are not."""
        wanted = self.saved() + entries
        for _ in range(int(MORE_SECONDS_MAX / POLL_SECONDS)):
            if self.saved() >= wanted:
                return
            await asyncio.sleep(POLL_SECONDS)
        raise HouseFault(f"{entries} more entries were to be saved, and {wanted - self.saved()} were not")

    async def more(self, events: int) -> None:
        """Wait until so many more events are receipted. Raises HouseFault when they do not come."""
        wanted = self.acknowledged() + events
        for _ in range(int(MORE_SECONDS_MAX / POLL_SECONDS)):
            if self.acknowledged() >= wanted:
                return
            if not self.working:
                break
            await asyncio.sleep(POLL_SECONDS)
        raise HouseFault(f"{events} more events were to be receipted, and {wanted - self.acknowledged()} did not come")

    async def ended(self) -> None:
        """Wait until every phone has said its share and sent it."""
        while self.working:  # noqa: ASYNC110 - of other processes there is nothing to await
            await asyncio.sleep(POLL_SECONDS)
        await self.drain()

    async def drain(self) -> None:
        """Let every phone send what it has, and end; the house is kept running. Raises HouseFault when one fails."""
        for process in self._running.values():
            assert process.stdin is not None
            process.stdin.close()
        deadline = time.monotonic() + DRAIN_SECONDS_MAX + 30
        while self.working and time.monotonic() < deadline:
            await self._house.mend()  # without a projector no phone would ever see its own entries on the roll
            await asyncio.sleep(POLL_SECONDS)
        for nth, process in self._running.items():
            if (code := process.poll()) != 0:
                said = (self.folder / f"load{nth}.log").read_text(errors="replace")[-2000:]
                raise HouseFault(f"load process {nth}: exit {code}\n{said}")
        self._running = {}

    def close(self) -> None:
        """Kill what runs."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        self._running = {}

    def noted(self) -> Mapping[str, Noted]:
        """What every phone's witness says, by device."""
        return {device: read_witness(self.witness / name) for device, name in self.devices.items()}

    def outboxes(self) -> Iterator[tuple[str, dict[int, str]]]:
        """What every phone's store holds of its own log, by device: seq → hash. Of phones that do not run."""
        for device, name in self.devices.items():
            plan = msgspec.json.decode(self._plan(0).read_bytes(), type=Plan)
            home = Path(plan.folder) / name
            if not (home / "phone.sqlite").exists():
                continue
            with Outbox(home) as outbox:
                yield device, {one.seq: to_base64url(one.hash) for one in outbox.own(device)}

    def __enter__(self) -> Load:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


if __name__ == "__main__":
    main()
