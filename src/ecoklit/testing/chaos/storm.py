"""The storm: after a week without a network every phone of a large regency comes back in the same moment.

Each phone has its own key and connection and what it said in that week, signed before the clock starts. A phone that is
told to wait waits as long as it was told and up to half of that more; one that is not let in at all comes again. Its
time counts from the moment that all came. What a receipt names is then looked for in the journal.

As a program, `python -m ecoklit.testing.chaos.storm PLAN`: some of the phones, in a process of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from ecoklit import contract
from ecoklit.core.event import RECORD_FIELDS, Malformed
from ecoklit.core.receipt import read_receipt
from ecoklit.core.wire import Held, hold
from ecoklit.testing import mimika
from ecoklit.testing.chaos.house import ELECTION, REGENCY, SERVICE, House, HouseFault, die_with_parent, temporary_folder
from ecoklit.testing.chaos.options import Options
from ecoklit.testing.chaos.table import DIFFER, EQUAL, Row, judged
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.phone import Person, Phone
from ecoklit.testing.replay import journal_events, replay

PHONES: Final = 20_000
PHONES_QUICK: Final = 600
"""More than are let in at once: some are told to wait."""
PROCESSES: Final = 2
PHONES_PER_ADDRESS: Final = 100
"""Behind one address of a mobile carrier."""

EVENTS_MAX: Final = 6
ANSWER_SECONDS_MAX: Final = 120.0
AGAIN_SECONDS: Final = 1.0
WAIT_FACTOR_MAX: Final = 1.5
STORM_SECONDS_MAX: Final = 1200
SETTLES_MAX: Final = 5
NO_ANSWER: Final = "not let in"


class Come(msgspec.Struct):
    """A phone that comes back: its pushes as ready requests."""

    device: str
    requests: list[bytes]


class Plan(msgspec.Struct):
    host: str
    port: int
    seed: int
    begins: float
    """In time.time()."""
    phones: list[Come]


class Answered(msgspec.Struct):
    """What one phone was told: the body of each push's last answer, how long the answer to the accepted request took,
    and when all was receipted, in seconds from the beginning. `statuses` counts all answers."""

    device: str
    receipts: list[bytes]
    seconds: list[float]
    receipted: float
    statuses: dict[str, int]


# --- a phone comes back ----------------------------------------------------------------------------------------------


async def come(plan: Plan, phone: Come, random: Random) -> Answered:
    told = Answered(phone.device, [], [], 0.0, {})
    statuses: Counter[str] = Counter()
    for request in phone.requests:
        while True:
            began = time.time()
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    status, wait, body = await _asked(plan, request)
            except (OSError, TimeoutError, ValueError):
                status, wait, body = NO_ANSWER, AGAIN_SECONDS, b""
            statuses[status] += 1
            if wait is None:
                break
            await asyncio.sleep(wait * random.uniform(1, WAIT_FACTOR_MAX))
        told.receipts.append(body)
        told.seconds.append(time.time() - began)
        if status != "200":
            break
    told.receipted, told.statuses = time.time() - plan.begins, dict(statuses)
    return told


async def _asked(plan: Plan, request: bytes) -> tuple[str, float | None, bytes]:
    """Status, how long to wait before it is sent again (None when that is for nothing), body."""
    reader, writer = await asyncio.open_connection(plan.host, plan.port)
    try:
        writer.write(request)
        answer = await reader.read(-1)
    finally:
        writer.transport.abort()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head[9:12].decode("ascii")
    if len(status) != 3:
        raise ValueError("no answer")
    if status not in ("429", "503"):
        return status, None, body
    return status, _retry_after(head), body


def _retry_after(head: bytes) -> float:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"retry-after:"):
            return float(line.partition(b":")[2])
    return AGAIN_SECONDS


async def come_all(plan: Plan) -> list[Answered]:
    random = Random(plan.seed)
    await asyncio.sleep(max(0.0, plan.begins - time.time()))
    return await asyncio.gather(*(come(plan, phone, random) for phone in plan.phones))


def main() -> None:
    import uvloop

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    file = Path(sys.argv[1])
    plan = msgspec.msgpack.decode(file.read_bytes(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(come_all(plan))
    file.with_suffix(".told").write_bytes(msgspec.msgpack.encode(told))


# --- what they said in that week -------------------------------------------------------------------------------------


class Week(NamedTuple):
    """What a phone has to bring: its log, cut into pushes."""

    device: str
    said: list[Held]
    pushes: list[bytes]


def weeks(election: MadeUpElection, phones: int, random: Random) -> list[Week]:
    """Every phone enrolled, and its entries made and signed."""
    places = mimika.tps_codes(REGENCY)
    return [_week(election, nth, places[nth % len(places)], random) for nth in range(phones)]


def _week(election: MadeUpElection, nth: int, tps: str, random: Random) -> Week:
    name = f"storm{nth:05}"
    election.device(name, "pantarlih", tps)
    phone = Phone(ELECTION, election.seed, Person(name, "pantarlih"), tps)
    for _ in range(random.randint(1, EVENTS_MAX)):
        met = [one.voter for one in phone.said]
        if met and random.random() < 0.5:
            phone.say("found", random.choice(met), how="family")
        else:
            person = {"record": dict.fromkeys(RECORD_FIELDS) | {"name": f"WARGA {nth} {len(phone.said)}"}}
            phone.say("new", None, how="in_person", document="ktp_el", person=person)
    cut = random.choice((0, 0, len(phone.said) // 2))
    parts = [part for part in (phone.said[:cut], phone.said[cut:]) if part]
    return Week(phone.device, phone.said, [signed_push(part) for part in parts])


def _request(body: bytes, nth: int) -> bytes:
    address = nth // PHONES_PER_ADDRESS
    head = (
        "POST /v1/push HTTP/1.1\r\nHost: coklit\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n"
        f"X-Forwarded-For: 10.7.{address // 250}.{address % 250 + 1}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


# --- the storm -------------------------------------------------------------------------------------------------------


def run(options: Options) -> list[Row]:
    phones = PHONES_QUICK if options.quick else PHONES
    with temporary_folder() as folder:
        house = House(folder, phones=[], seed=options.seed)
        said = weeks(house.election, phones, Random(f"storm {options.seed}"))
        return [asyncio.run(_run(house, said))]


async def _run(house: House, said: Sequence[Week]) -> Row:
    async with house:
        began = time.time()
        told = await _stormed(house, said)
        taken = time.time() - began
        memory = _peak_mib(house.pid(SERVICE))
        await _settled(house)
        folded = time.time() - began
        checked = await _checked(house, said, told)
    statuses: Counter[str] = sum((Counter(one.statuses) for one in told), Counter())
    faults = {"phones": len(said), **{f"answers {name}": count for name, count in sorted(statuses.items())}}
    against = list(checked.against)
    if set(statuses) - {"200", "429", "503", NO_ANSWER}:
        against.append(f"answers of another kind: {dict(statuses)}")
    seen = (
        f"all taken in {taken:.0f} s, on the roll after {folded:.0f} s; a phone waits "
        f"{_quantile([one.receipted for one in told], 0.5):.1f} s (median), "
        f"{_quantile([one.receipted for one in told], 0.99):.1f} s (p99); an accepted request "
        f"{_quantile([seconds for one in told for seconds in one.seconds], 0.99):.2f} s (p99); "
        f"service {memory:.0f} MiB at most"
    )
    counts = (checked.acknowledged, checked.lost, checked.doubled)
    return judged("storm", 1, faults, counts, digests=checked.digests, against=against[:3], seen=seen)


async def _stormed(house: House, said: Sequence[Week]) -> list[Answered]:
    """Let all phones come at once, from processes of their own."""
    files = [house.folder / f"storm{nth}.plan" for nth in range(PROCESSES)]
    begins = time.time() + 2 + len(said) / 10_000  # until every process has read its plan
    running = []
    for nth, file in enumerate(files):
        phones = [
            Come(week.device, [_request(push, at) for push in week.pushes])
            for at, week in enumerate(said)
            if at % PROCESSES == nth
        ]
        plan = Plan(house.host, house.port, house.seed + nth, begins, phones)
        file.write_bytes(msgspec.msgpack.encode(plan))
        command = [sys.executable, "-m", "ecoklit.testing.chaos.storm", str(file)]
        running.append(subprocess.Popen(command, start_new_session=True, preexec_fn=die_with_parent()))  # noqa: ASYNC220
    try:
        for process in running:
            if await asyncio.to_thread(process.wait, STORM_SECONDS_MAX):
                raise HouseFault("a process of the storm failed: see its traceback above")
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    return [
        one
        for file in files
        for one in msgspec.msgpack.decode(file.with_suffix(".told").read_bytes(), type=list[Answered])
    ]


async def _settled(house: House) -> None:
    for _ in range(SETTLES_MAX):
        try:
            return await house.settled()
        except HouseFault as error:
            last = error
    raise last


def _peak_mib(pid: int) -> float:
    """The most that a process ever had in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


# --- whether all is there --------------------------------------------------------------------------------------------


class _Checked(NamedTuple):
    acknowledged: int
    lost: int
    doubled: int
    digests: str
    against: list[str]


async def _checked(house: House, said: Sequence[Week], told: Sequence[Answered]) -> _Checked:
    against: list[str] = []
    services = {house.election.service.device: house.election.service.public}
    receipted = {one.device: _receipted(one, services) for one in told}
    held: dict[str, dict[int, bytes]] = {week.device: {} for week in said}
    doubled = 0
    async with house.journal() as journal:
        after = 0
        while messages := await journal.read_events(after, 5000):
            for message in messages:
                event = hold(message.payload, None)
                doubled += event.seq in held[event.device]
                held[event.device][event.seq] = event.hash
            after = messages[-1].sequence
        lines = [event.line async for some in journal_events(journal) for event in some]
    lost = sum(
        1
        for week in said
        for one in week.said
        if one.seq <= receipted[week.device] and held[week.device].get(one.seq) != one.hash
    )
    behind = [week.device for week in said if receipted[week.device] != len(week.said)]
    if behind:
        against.append(f"{len(behind)} phones were not receipted whole, such as {behind[0]}")
    folded = replay(lines, contract.policies(), house.seed)
    async with house.reader() as reader:
        _, projected = await reader.digests(REGENCY)
    if folded.faults or folded.parked:
        against.append(f"the fold keeps events out: {folded.faults}, {folded.parked} parked")
    digests = EQUAL if folded.digests == projected else DIFFER
    return _Checked(sum(receipted.values()), lost, doubled, digests, against)


def _receipted(told: Answered, services: dict[str, Any]) -> int:
    """The seq that the phone's last receipt names; 0 when it is none, or nobody's who may give one."""
    try:
        signed = read_receipt(told.receipts[-1])
    except Malformed:
        return 0
    return signed.receipt.seq if signed.signed_by(services) and signed.receipt.device == told.device else 0


if __name__ == "__main__":
    main()
