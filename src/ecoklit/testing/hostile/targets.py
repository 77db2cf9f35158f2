"""What the fuzzer tries: each target takes any bytes, and fails an assertion when a promise does not hold for them.

A target asks for more than that nothing crashes: it compares with a second reader, a second fold, or with what the
bytes came from.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from ecoklit.contract import policies
from ecoklit.core import admission, bulk, canonical, columns, enrolment, ids, replica, sealing, wire
from ecoklit.core.admission import Known, Refused
from ecoklit.core.bulk import BulkFold, Entry, Fault
from ecoklit.core.event import RECORD_FIELDS, Malformed
from ecoklit.core.limits import INTEGER_MAX, LINE_BYTES_MAX, NESTING_MAX, PUSH_BYTES_MAX
from ecoklit.core.push_file import lines_of, split_pushes, write_push
from ecoklit.core.receipt import Receipt, read_receipt, sign_receipt
from ecoklit.core.registry import Registry, RegistryFault, fold_registry
from ecoklit.core.registry_event import read_line
from ecoklit.core.wire import Held
from ecoklit.door.encoding import decoded
from ecoklit.errors import EcoklitError
from ecoklit.field.page import read_page
from ecoklit.ports import Push as JournalPush
from ecoklit.problems import ProblemError
from ecoklit.services.admit import Admission
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection, signed_push
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal
from ecoklit.testing.random_history import AT, ELECTION, REGENCY, RandomHistory
from ecoklit.testing.random_registry import RandomRegistry

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

EVENTS_MAX: Final = 12
TPS: Final = "9404012001001"
DECODED_MAX: Final = 4096


class Target(NamedTuple):
    """`run` takes any bytes; `seeds` are a few good ones to begin from."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


class Bytes(random.Random):
    """Chance that is read from bytes, so that whoever changes a byte changes a choice; after their end it goes on
    from a seed that they give."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data
        self._at = 0

    def getrandbits(self, bits: int, /) -> int:
        size = (bits + 7) // 8
        taken = self._data[self._at : self._at + size]
        self._at += size
        if len(taken) < size:
            return super().getrandbits(bits)
        return int.from_bytes(taken, "big") >> (size * 8 - bits)

    def random(self) -> float:
        # One byte is enough for a choice, and leaves the others for the next ones.
        return self.getrandbits(8) / 256


# --- a line: read as a second reader reads it ------------------------------------------------------------------------


def line(data: bytes) -> None:
    """A wire line is malformed, or canonical by another JSON library; and what is held of it is the line itself."""
    try:
        held = wire.read(data)
    except Malformed:
        _assert_not_good(data)
        return
    assert len(data) <= LINE_BYTES_MAX
    assert _canonical_by_json(held.event_bytes)
    assert held.hash == ids.sha256(held.event_bytes)
    if held.person_fault is None:
        assert held.line == data
    again = wire.read(held.line)
    assert (again.event, again.place, again.fault, again.person) == (held.event, held.place, held.fault, held.person)
    assert (held.event is None) == (held.fault is not None)
    assert (held.person is None) == (held.person_bytes is None)
    if held.event is not None:
        assert held.event.voter == held.voter and held.regency == ids.regency_of(held.tps)


def _assert_not_good(data: bytes) -> None:
    """What one reader calls malformed is not an event with all its parts by another one."""
    if not _canonical_by_json(data) or len(data) > LINE_BYTES_MAX:
        return
    value = json.loads(data)
    if not isinstance(value, dict) or not {"event"} <= set(value) <= {"event", "person"}:
        return
    body = value["event"]
    assert not (
        isinstance(body, dict)
        and all(isinstance(body.get(name), str) for name in ("device", "prev", "voter", "tps"))
        and ids.is_device(body["device"])
        and ids.is_hash(body["prev"])
        and ids.is_voter(body["voter"])
        and ids.is_tps(body["tps"])
        and isinstance(body.get("seq"), int)
        and body["seq"] is not True
        and body["seq"] >= 1
        and isinstance(body.get("clock"), dict)
        and all(isinstance(one, int) and not isinstance(one, bool) for one in body["clock"].values())
    ), "refused as malformed, and is none"


def _canonical_by_json(data: bytes) -> bool:
    """Whether `data` is RFC 8785 of a value of the contract, by the standard library alone."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_no, parse_constant=_no)
        return _written(value, 0).encode("utf-8") == data
    except (ValueError, RecursionError):
        return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no(text: str) -> Any:
    raise ValueError(text)


def _written(value: Any, depth: int) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise ValueError("too large")
        return str(value)
    if depth == NESTING_MAX:
        raise ValueError("too deep")
    if isinstance(value, list):
        return "[" + ",".join(_written(one, depth + 1) for one in value) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(f"{_written(key, 0)}:{_written(value[key], depth + 1)}" for key in keys) + "}"


def line_seeds() -> list[bytes]:
    return [held.line for held in RandomHistory(3, events=40).held] + [
        b'{"event":{"\\u0000":"\xc3\xa9\xf0\x9f\x98\x80","clock":{},"v":1}}',
        b"[" * 40,
        b'{"event":' * 30,
        b'{"event":{"v":9007199254740992}}',
        b'{"event":{"v":1.0,"v":1e3,"w":-0}}',
    ]


# --- a canonical value -----------------------------------------------------------------------------------------------


def value(data: bytes) -> None:
    """Bytes are canonical for the contract's reader exactly when they are for another JSON library."""
    try:
        found = canonical.decode(data)
    except ValueError:
        assert not _canonical_by_json(data), "refused, and is canonical"
        return
    assert _canonical_by_json(data), "taken, and is not canonical"
    assert canonical.encode(found) == data


def value_seeds() -> list[bytes]:
    return [
        b'{"a":[null,true,false,-1,9007199254740991],"b":{"c":"\\u001f\\n\\t\\"\\\\/"}}',
        '{"é":"\u2028","😀":1,"\ufb33":2}'.encode(),
        b'"\\u007f"', b'"\x7f"', b"-0", b"00", b"1E3", b"[]", b"{}",
        b'"\\/"', b'"\\u00e9"', b'"\xed\xa0\x80"', b'"\\ud800"',
        b"[" * 16 + b"]" * 16, b"[" * 17 + b"]" * 17,
    ]  # fmt: skip


# --- a person --------------------------------------------------------------------------------------------------------


def person(data: bytes) -> None:
    """A copy of a person is dropped or kept, and never changes what is held of its event; no fault quotes it."""
    for held in _born():
        bare = wire.hold(held.event_bytes, None)
        try:
            joined = wire.hold(held.event_bytes, data)
        except Malformed as error:
            assert not _canonical_by_json(data)
            assert error.message == "the person is not canonical JSON"
            continue
        assert (joined.event, joined.fault, joined.hash, joined.place) == (
            bare.event,
            bare.fault,
            bare.hash,
            bare.place,
        )
        if joined.person is not None:
            assert data == joined.person_bytes == held.person_bytes
        else:
            assert joined.person_fault and joined.person_bytes is None


@cache
def _born() -> tuple[Held, ...]:
    held = RandomHistory(5, events=60, lies=0).held
    return tuple({one.event.kind: one for one in held if one.event is not None and one.person_bytes}.values())


def person_seeds() -> list[bytes]:
    return [one.person_bytes for one in _born() if one.person_bytes is not None]


# --- a push ----------------------------------------------------------------------------------------------------------


def push(data: bytes) -> None:
    """A push is refused by a name of the contract, or is the very lines that it was read from."""
    try:
        found = admission.read_push(data, ELECTION)
    except Refused as refused:
        assert refused.code in admission.REFUSALS
        return
    assert len(data) <= PUSH_BYTES_MAX
    if not any(one.person_fault for one in found.held):
        again = write_push(
            [one.line for one in found.held],
            found.head,
            registry=[one.line for one in found.registry],
            receipt=None if found.receipt is None else found.receipt.line,
        )
        assert again.removesuffix(b"\n") == data.removesuffix(b"\n")
    assert len({one.device for one in found.held}) <= 1
    assert b"".join(split_pushes(data)).removesuffix(b"\n") == data.removesuffix(b"\n")
    if not found.held:
        return
    try:
        fresh = admission.admit(found, Known(0, {}))
    except Refused as refused:
        assert refused.code in admission.REFUSALS
        return
    assert [one.seq for one in fresh] == list(range(1, len(fresh) + 1))
    before = ids.to_base64url(ids.ZERO_HASH)
    for one in fresh:
        assert one.prev == before
        before = ids.to_base64url(one.hash)


def push_seeds() -> list[bytes]:
    return [signed_push(log) for log in _logs()] + [
        b"".join(one + b"\n" for one in _election().registry[:6]) + signed_push(_logs()[0][:3])
    ]


# --- the door --------------------------------------------------------------------------------------------------------

PHONES: Final = ("anna", "budi", "cici")
SPLICE_MAX: Final = 4


@cache
def _election() -> MadeUpElection:
    election = MadeUpElection(ELECTION)
    for name in PHONES:
        election.device(name)
    return election


@cache
def _logs() -> tuple[tuple[Held, ...], ...]:
    """What three offices list and see, each knowing the one before it."""
    said: list[tuple[Held, ...]] = []
    births: list[Held] = []
    from ecoklit.core.device_log import DeviceLog

    for name in PHONES:
        key = made_up_key(1, name)
        log = DeviceLog(ELECTION, key.device, officer=name, role="kpu", policy="2024-1")
        record = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
        own = [log.append("listed", tps=TPS, at=AT, source="dp4-2024", person=record) for _ in range(3)]
        seen = [
            log.append("found", tps=TPS, at=AT, voter=one.voter, seen=[one], how="in_person") for one in births[-2:]
        ]
        births += own
        said.append((*own, *seen))
    return tuple(said)


@cache
def _bodies() -> tuple[bytes, ...]:
    parts = [signed_push(log[first : first + size]) for log in _logs() for first in range(3) for size in (1, 2, 5)]
    return (*parts, b"".join(one + b"\n" for one in _election().registry))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def door(data: bytes) -> None:
    """Of any pushes, spoiled in any way, the door stores whole beginnings of what enrolled devices signed, and nothing
    else; what it receipts is stored, and what it refuses by name changes nothing."""
    _loop().run_until_complete(_door(Bytes(data)))


async def _door(chance: Bytes) -> None:
    journal, registry = MemoryJournal(), MemoryRegistryJournal()
    election = _election()
    enrolled = chance.random() < 0.75
    for device, of in _registry_logs().items():
        if enrolled or device == election.root.device:
            await registry.append(device, 0, of if enrolled else of[:2])

    async def submit(one: JournalPush) -> Any:
        return (await journal.append([one]))[0]

    admitting = Admission(
        election=ELECTION, regency=REGENCY, epoch=1, journal=journal, submit=submit,
        registrar=election.registrar(registry), service_key=lambda: election.service,
    )  # fmt: skip
    for _ in range(1 + chance.getrandbits(2)):
        body = _spoiled(chance)
        before = (await journal.last()).events
        try:
            receipt = read_receipt(await admitting.push(body))
        except Refused as refused:
            assert refused.code in admission.REFUSALS
            assert (await journal.last()).events == before
            continue
        assert receipt.signed_by({election.service.device: election.service.public})
        if receipt.receipt.log == "voters":
            head = await journal.head(receipt.receipt.device)
            assert head is not None and head.seq == receipt.receipt.seq
    known = {one.hash: one for log in _logs() for one in log}
    for message in await journal.read_events(0, 1000):
        assert ids.sha256(message.payload) in known, "stored, and nobody signed it"
    for stored in await registry.read(0, 1000):
        assert stored.payload in set(election.registry), "in the registry, and nobody signed it"


@cache
def _registry_logs() -> dict[str, list[bytes]]:
    logs: dict[str, list[bytes]] = {}
    for one in _election().lines:
        logs.setdefault(one.device, []).append(one.line)
    return logs


def _spoiled(chance: Bytes) -> bytes:
    """A good push, with lines taken, doubled, moved or brought from another one, and bytes changed."""
    lines = chance.choice(_bodies()).splitlines(keepends=True)
    for _ in range(chance.getrandbits(2)):
        if not lines:
            break
        at = chance.randrange(len(lines))
        match chance.getrandbits(3):
            case 0:
                del lines[at]
            case 1:
                lines.insert(chance.randrange(len(lines) + 1), lines[at])
            case 2:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines.insert(at, chance.choice(chance.choice(_bodies()).splitlines(keepends=True)))
            case 4:
                lines[at] = chance.choice(chance.choice(_bodies()).splitlines(keepends=True))
            case 5:
                cut = chance.randrange(len(lines[at]))
                lines[at] = lines[at][:cut] + chance.randbytes(chance.randrange(SPLICE_MAX)) + lines[at][cut:]
            case 6:
                cut = chance.randrange(len(lines[at]))
                lines[at] = lines[at][:cut] + chance.randbytes(1) + lines[at][cut + 1 :]
            case _:
                pass
    return b"".join(lines)


def chance_seeds() -> list[bytes]:
    return [random.Random(seed).randbytes(size) for seed, size in enumerate((0, 8, 64, 256, 1024, 2048))]


# --- the fold --------------------------------------------------------------------------------------------------------


def fold(data: bytes) -> None:
    """The fold by columns is the plain fold, byte for byte, for any history, in any order, with any line spoiled."""
    chance = Bytes(data)
    history = RandomHistory(chance, events=4 + chance.randrange(EVENTS_MAX), lies=chance.choice((0.0, 0.15, 0.5)))
    lines = [held.line for held in history.held]
    for _ in range(chance.getrandbits(2)):
        spoiled = bytearray(chance.choice(lines)) if lines else bytearray(b"{}")
        spoiled[chance.randrange(len(spoiled))] = chance.getrandbits(8)
        lines.append(bytes(spoiled).replace(b"\n", b" "))
    folded = _by_columns(lines)
    plain = _plain(lines)
    assert folded == plain, "by columns it comes to something else"
    again = [*lines, *lines]
    chance.shuffle(again)
    assert _by_columns(again).entries == folded.entries, "in another order, and twice, it comes to something else"


def _by_columns(lines: Sequence[bytes]) -> BulkFold:
    """Even one row is read by columns, so that small histories try them."""
    least, columns.ROWS_MIN = columns.ROWS_MIN, 1  # type: ignore[misc]
    try:
        return bulk.fold_lines(list(lines), policies())
    finally:
        columns.ROWS_MIN = least  # type: ignore[misc]


def _plain(lines: Sequence[bytes]) -> BulkFold:
    read: list[tuple[int, Held]] = []
    faults: list[Fault] = []
    for number, one in enumerate(lines, start=1):
        try:
            read.append((number, wire.read(one)))
        except Malformed as error:
            faults.append(Fault(number, "malformed", error.message))
    folded = replica.fold((held for _, held in read), policies())
    for number, held in read:
        standing = folded.standing(held.hash)
        if standing.name not in ("counted", "parked"):
            faults.append(Fault(number, standing.name, standing.why))
        elif held.person_fault is not None:
            faults.append(Fault(number, "bad_person", held.person_fault))
    entries = [
        Entry(*key, state.decision.tps, state.decision_bytes, state.line)
        for key, state in zip(folded.keys(), folded.states(), strict=True)
    ]
    elections = sorted({held.event.election for _, held in read if held.event is not None})
    return BulkFold(entries, sorted(faults, key=lambda fault: fault.number), folded.parked_count(), elections)


# --- the registry ----------------------------------------------------------------------------------------------------


def registry(data: bytes) -> None:
    """A registry of spoiled lines is refused, or gives rights by lines that their authors signed, and no others; read
    line by line it is the same."""
    chance = Bytes(data)
    told = RandomRegistry(chance, _named())
    lines = [told.next_line().line for _ in range(3 + chance.randrange(EVENTS_MAX))]
    signed = set(lines)
    for _ in range(chance.getrandbits(3)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.getrandbits(2):
            case 0:
                del lines[at]
            case 1:
                lines[at], lines[other] = lines[other], lines[at]
            case 2:
                lines.insert(other, lines[at])
            case _:
                cut = chance.randrange(len(lines[at]))
                lines[at] = lines[at][:cut] + chance.randbytes(1) + lines[at][cut + 1 :]
        if not lines:
            return
    try:
        found = fold_registry(ELECTION, REGENCY, enumerate(lines, start=1))
    except RegistryFault:
        return
    void = {one.position for one in found.voids}
    for position, one in enumerate(lines, start=1):
        assert position in void or one in signed, "a line that nobody signed has its effect"
    step = Registry(ELECTION, REGENCY)
    for position, one in enumerate(lines, start=1):
        try:
            step = step.extended(position, read_line(one))
        except Malformed:
            continue
    assert _said(step) == _said(found)


@cache
def _named() -> RandomHistory:
    """Whom registries speak of."""
    return RandomHistory(11, events=30)


def _said(one: Registry) -> tuple[Any, ...]:
    return (
        one.root, one.services, one.devices, one.vouchers, one.grants, one.revocations, one.readmissions, one.windows,
        one.policies, one.clones, one.reports, one.tps, one.lost, one.logs,
    )  # fmt: skip


def registry_line(data: bytes) -> None:
    """A registry line is malformed, or the very bytes that it was read from."""
    try:
        found = read_line(data)
    except Malformed:
        return
    assert found.line == data
    assert (found.event is None) == (found.fault is not None)
    for key in (made_up_key(1, "root"), made_up_key(1, "anna")):
        if found.signed_by(key.public):
            assert data in set(_election().registry), "signed by a key that never signed it"


def registry_line_seeds() -> list[bytes]:
    told = RandomRegistry(4, RandomHistory(11, events=30))
    return [told.next_line().line for _ in range(60)] + _election().registry


# --- sealed exports, answers, what is shown to a phone ---------------------------------------------------------------


def sealed(data: bytes) -> None:
    """What is no whole sealed export stays shut, by name; nothing opens that was not sealed."""
    key = made_up_key(1, "service")
    try:
        plain = sealing.open_with_key(data, key)
    except sealing.NotOpened as error:
        assert error.code in ("bad_seal", "other_key")
    else:
        assert plain in _SEALED, "it opened, and nobody sealed it"
    try:
        plain = sealing.open_with_passphrase(_cheap(data), "lima kata yang tidak tertebak")
    except sealing.NotOpened as error:
        assert error.code in ("bad_seal", "wrong_passphrase")
    else:
        assert plain in _SEALED, "it opened, and nobody sealed it"


_SEALED: Final = (b"", b"contoh", b"{}\n" * 100)


def _cheap(data: bytes) -> bytes:
    """The same with a cost that a fuzzer can pay."""
    return data[:3] + bytes([min(data[3], 2)]) + data[4:] if len(data) > 3 else data


def sealed_seeds() -> list[bytes]:
    to = made_up_key(1, "service").public
    lines = [sealing.to_key(plain, to, bytes(32)) for plain in _SEALED]
    shut = [
        sealing.with_passphrase(plain, "lima kata yang tidak tertebak", bytes(16), cost_log2=1) for plain in _SEALED
    ]
    return [*lines, *shut, b'{"sealed":"AA","to":"' + to.device.encode() + b'"}', b'{"to":' + b"[" * 3000]


def answer(data: bytes) -> None:
    """What a hostile service answers is named as no page, or as cut off; a receipt is none, or the bytes it came as."""
    try:
        page = read_page(data, ELECTION, f"ECOKLIT-{ELECTION}-{REGENCY}")
    except EcoklitError:
        pass
    else:
        assert all(one.event is None or one.event.election == ELECTION for one in page.held)
    try:
        receipt = read_receipt(data)
    except Malformed:
        return
    assert receipt.line == data.removesuffix(b"\n")


def answer_seeds() -> list[bytes]:
    log = _logs()[0]
    receipt = Receipt(
        device=log[0].device, election=ELECTION, epoch=1, head=ids.to_base64url(log[-1].hash),
        position={f"ECOKLIT-{ELECTION}-{REGENCY}": 3}, regency=REGENCY, registry=3, seq=3, standings=[],
    )  # fmt: skip
    page = b'{"page":{"cursor":"x","digest":null,"lost":[{"after":1,"device":"a"}],"more":true,"position":3}}\n'
    standing = b'{"standing":{"device":"aaaaaaaaaaaaaaaa","name":"counted","seq":1}}\n'
    return [
        sign_receipt(_election().service, receipt).line,
        page, log[0].line + b"\n" + standing + page, b'{"page":' + b"[" * 3000, b'{"x":' * 2000 + b"\n" + page,
    ]  # fmt: skip


def scanned(data: bytes) -> None:
    """What is scanned or typed is refused by name, or means what it says."""
    text = data.decode("utf-8", "surrogateescape")
    for read, write in (
        (enrolment.read_invitation, enrolment.write_invitation),
        (enrolment.read_code, lambda code: enrolment.read_code(str(code))),
    ):
        try:
            found: Any = read(text)
        except EcoklitError:
            continue
        assert read(write(found)) == found
    try:
        enrolment.read_key_line(text)
    except EcoklitError:
        return


def scanned_seeds() -> list[bytes]:
    anna = made_up_key(1, "anna")
    return [
        enrolment.code_of(bytes(range(15))).encode(),
        enrolment.write_key_line(anna.public).encode(),
        b'{"invite":{"code":"'
        + enrolment.code_of(bytes(15)).encode()
        + b'","election":"pilkada-2024","regency":"9404"}}',
    ]


# --- what is packed --------------------------------------------------------------------------------------------------


def packed(data: bytes) -> None:
    """What comes out of a packed body is what another unpacker makes of it, and never more than allowed."""
    for name, unpack in (("gzip", _gunzip), ("zstd", _unzstd), ("identity", lambda body: body)):
        try:
            plain = decoded(data, name, DECODED_MAX)
        except ProblemError as error:
            assert error.code in ("bad_encoding", "too_large")
            continue
        assert plain == unpack(data)
        assert name == "identity" or len(plain) <= DECODED_MAX


def _gunzip(data: bytes) -> bytes:
    return gzip.decompress(data)


def _unzstd(data: bytes) -> bytes:
    return zstd.decompress(data)


def packed_seeds() -> list[bytes]:
    bodies = (b"", b"contoh\n" * 20, bytes(DECODED_MAX), bytes(DECODED_MAX + 1))
    return [pack(body) for body in bodies for pack in (lambda one: gzip.compress(one, mtime=0), zstd.compress)]


# --- lines of a body -------------------------------------------------------------------------------------------------


def stick(data: bytes) -> None:
    """A file of pushes falls into pushes that together are the file."""
    pushes = split_pushes(data)
    assert b"".join(pushes).removesuffix(b"\n") == data.removesuffix(b"\n")
    assert all(lines_of(one) for one in pushes)


TARGETS: Final[dict[str, Target]] = {
    "value": Target(value, value_seeds),
    "line": Target(line, line_seeds),
    "person": Target(person, person_seeds),
    "push": Target(push, push_seeds),
    "door": Target(door, chance_seeds),
    "fold": Target(fold, chance_seeds),
    "registry_line": Target(registry_line, registry_line_seeds),
    "registry": Target(registry, chance_seeds),
    "sealed": Target(sealed, sealed_seeds),
    "answer": Target(answer, answer_seeds),
    "scanned": Target(scanned, scanned_seeds),
    "packed": Target(packed, packed_seeds),
    "stick": Target(stick, push_seeds),
}
"""By name; each has a folder in tests/hostile/corpus."""
