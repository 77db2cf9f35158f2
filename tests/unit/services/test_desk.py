"""An office at work on the registry: what it signs is judged first, kept before it is sent, and never said twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ecoklit.adapters.office_registry import OfficeFault, OfficeRegistry
from ecoklit.bootstrap import JournalLink
from ecoklit.core import enrolment
from ecoklit.core.enrolment import KeyLine, redeem, voucher_key
from ecoklit.core.recovery_kit import KeptKeys
from ecoklit.core.registry_event import read_line
from ecoklit.core.signing import Key
from ecoklit.ports import ServiceUnavailable
from ecoklit.services.desk import Desk, DeskFault, assigned, pushes_of, revoked
from ecoklit.services.joining import NotJoined, demand_terms, read_lines, registry_of
from ecoklit.services.opening import opening_lines
from ecoklit.services.registry import Registrar
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

ELECTION, REGENCY, AT = "pilkada-2024", "9404", "2024-06-25T09:00:00+09:00"
VILLAGE, TPS = "9404012001", "9404012001001"
ROOT, SERVICE, KPU, PPS, PHONE = (made_up_key(1, name) for name in ("root", "service", "kpu", "pps", "phone"))
UNTIL = "2024-06-26T00:00:00Z"


class Offices:
    """An opened election with its registry, and offices that each keep a registry of their own in a folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.at = AT
        self.journal = MemoryRegistryJournal()
        self.link = self.new_link()
        keys = KeptKeys(ELECTION, REGENCY, ROOT, SERVICE, KPU)
        self.opening = opening_lines(keys, officer="kpu-1", at=AT, tps=[TPS])

    def new_link(self) -> JournalLink:
        registrar = Registrar(election=ELECTION, regency=REGENCY, journal=self.journal, root=lambda: ROOT.device)
        return JournalLink(registrar, self.journal)

    def desk(self, name: str, key: Key, lines: Any = ()) -> Desk:
        store = OfficeRegistry.make(self.folder / name, ROOT.device, lines)
        self.stack.callback(store.close)
        return Desk(store, key, election=ELECTION, regency=REGENCY, clock=lambda: self.at)

    def kpu(self) -> Desk:
        return self.desk("kpu", KPU, self.opening)


@pytest.fixture
def offices(tmp_path: Path) -> Iterator[Offices]:
    with ExitStack() as stack:
        yield Offices(tmp_path, stack)


def fault(call: Any, *arguments: Any, **more: Any) -> DeskFault:
    with pytest.raises(DeskFault) as caught:
        call(*arguments, **more)
    return caught.value


def line_of(key: Key) -> KeyLine:
    return enrolment.read_key_line(enrolment.write_key_line(key.public))


async def test_an_election_reaches_the_registry_once(offices: Offices) -> None:
    """What the office signed before there was a service arrives whole, and a second sync sends and changes nothing."""
    desk = offices.kpu()
    assert desk.waiting == 4
    assert (await desk.sync(offices.link)).sent == 4
    assert await desk.sync(offices.link) == (0, 0)
    assert [message.payload for message in await offices.journal.read(0, 10)] == [line.line for line in offices.opening]
    assert desk.registry.voids == ()


async def test_a_village_office_enrols_a_phone(offices: Offices) -> None:
    """From the root down: the kpu's code makes a pps, the pps's code a phone, and a replay from the root finds both."""
    kpu = offices.kpu()
    code = kpu.invite("pps-1", "pps", VILLAGE, until=UNTIL, entropy=bytes(15))
    await kpu.sync(offices.link)
    lines = read_lines(line for _, line in await offices.link.registry(0))
    voucher = voucher_key(code, ELECTION, REGENCY)
    terms = demand_terms(registry_of(lines, ROOT.device), voucher.device)
    said = redeem(voucher, terms, PPS.public, election=ELECTION, regency=REGENCY, at=AT)
    pps = offices.desk("pps", PPS, said)
    await pps.sync(offices.link)
    second = pps.invite("siti", "pantarlih", TPS, until=UNTIL, entropy=bytes([1] * 15))
    await pps.sync(offices.link)
    voucher = voucher_key(second, ELECTION, REGENCY)
    used = redeem(
        voucher,
        demand_terms(pps.registry, voucher.device),
        PHONE.public,
        election=ELECTION,
        regency=REGENCY,
        at=AT,
    )
    for body in pushes_of([line.line for line in used]):
        await offices.link.push(body)
    found = registry_of(read_lines(line for _, line in await offices.link.registry(0)), ROOT.device)
    assert [(one.officer, one.role, one.area) for one in found.grants_of(PHONE.device)] == [("siti", "pantarlih", TPS)]
    assert found.voids == ()


async def test_without_a_network(offices: Offices) -> None:
    """An office that never met the service signs a phone's key; the phone brings the whole chain to the registry."""
    kpu = offices.kpu()
    await kpu.sync(offices.link)
    kpu.enrol(line_of(PPS), "pps-1", "pps", VILLAGE)  # not synced: by stick
    chain = enrolment.chain_of(kpu.lines(), PPS.device)
    pps = offices.desk("pps", PPS, read_lines(chain))
    pps.enrol(line_of(PHONE), "siti", "pantarlih", TPS)
    carried = enrolment.chain_of(pps.lines(), PHONE.device)
    for body in pushes_of(carried):
        await offices.link.push(body)
    found = registry_of(read_lines(line for _, line in await offices.link.registry(0)), ROOT.device)
    assert [one.officer for one in found.grants_of(PHONE.device)] == ["siti"]
    assert (await pps.sync(offices.link)).sent == 0
    assert (await kpu.sync(offices.link)).sent == 0
    assert (pps.waiting, kpu.waiting) == (0, 0)


async def test_nothing_is_signed_without_the_right(offices: Offices) -> None:
    """What the fold would call void is refused before it is signed, with the fold's own reason; none of it stays."""
    kpu = offices.kpu()
    kpu.enrol(line_of(PPS), "pps-1", "pps", VILLAGE)
    pps = offices.desk("pps", PPS, read_lines(kpu.lines()))
    before = pps.lines()
    outside = fault(pps.enrol, line_of(PHONE), "siti", "pantarlih", "9404022001001")
    assert (outside.code, "lies outside" in outside.message) == ("not_entitled", True)
    assert fault(pps.say, ("window_closed", {"area": VILLAGE})).code == "not_entitled"
    assert fault(pps.say, ("device_enrolled", {"enrolled": PHONE.device})).code == "bad_right"
    assert fault(pps.say, assigned("Siti", "pantarlih", TPS, None)).code == "bad_right"
    assert pps.lines() == before
    nobody = offices.desk("nobody", PHONE, read_lines(kpu.lines()))
    assert fault(nobody.say, assigned("siti", "pantarlih", TPS, None)).code == "not_entitled"


async def test_a_new_phone_for_the_same_officer(offices: Offices) -> None:
    """The old phone's right ends and the new one's begins by one act: no moment with both, none with neither."""
    kpu = offices.kpu()
    kpu.enrol(line_of(PHONE), "siti", "pantarlih", TPS)
    new = made_up_key(1, "new phone")
    kpu.enrol(line_of(new), "siti", "pantarlih", TPS, first=[revoked(PHONE.device, 144)])
    registry = kpu.registry
    assert registry.is_revoked(PHONE.device) and registry.revocations[0].from_seq == 144
    assert [one.area for one in registry.grants_of(new.device)] == [TPS]
    assert fault(kpu.enrol, line_of(new), "siti", "pantarlih", TPS).code == "not_entitled"


async def test_a_revoked_office_signs_nothing_more(offices: Offices) -> None:
    """The root revokes an office; what that office signs afterwards is refused at its own desk, and void elsewhere."""
    kpu = offices.kpu()
    kpu.enrol(line_of(PPS), "pps-1", "pps", VILLAGE)
    pps = offices.desk("pps", PPS, read_lines(kpu.lines()))
    root = offices.desk("root", ROOT, read_lines(kpu.lines()))
    root.say(revoked(PPS.device, 1))
    late = pps.say(assigned("siti", "pantarlih", TPS, None))
    await root.sync(offices.link)
    await pps.sync(offices.link)
    assert pps.registry.voids[-1].name == "revoked_device"
    assert pps.registry.voids[-1].seq == late[0].seq
    assert fault(pps.say, assigned("siti", "pantarlih", TPS, None)).code == "not_entitled"


async def test_a_restored_office_waits_for_the_registry(offices: Offices) -> None:
    """An office that came back from its kit signs nothing until it has seen what it signed before."""
    before = offices.kpu()
    before.say(assigned("siti", "pantarlih", TPS, None))
    await before.sync(offices.link)
    restored = offices.desk("restored", KPU)
    assert fault(restored.say, assigned("budi", "pantarlih", TPS, None)).code == "registry_unknown"
    await restored.sync(offices.link)
    (line,) = restored.say(assigned("budi", "pantarlih", TPS, None))
    assert line.seq == 2
    assert (await restored.sync(offices.link)).sent == 1


async def test_one_key_at_two_desks_is_told(offices: Offices) -> None:
    """Two machines with one office's key: the second to sync is told, and its line is not lost on disk."""
    one = offices.kpu()
    await one.sync(offices.link)
    two = offices.desk("two", KPU)
    await two.sync(offices.link)
    one.say(assigned("siti", "pantarlih", TPS, None))
    two.say(assigned("budi", "pantarlih", TPS, None))
    await one.sync(offices.link)
    with pytest.raises(OfficeFault) as caught:
        await two.sync(offices.link)
    assert caught.value.code == "out_of_step"
    assert two.waiting == 1


async def test_a_lost_answer_doubles_nothing(offices: Offices) -> None:
    """A push whose answer is lost is sent again, and stands in the registry once."""
    desk = offices.kpu()

    class Deaf(JournalLink):
        async def push(self, body: bytes) -> object:
            await super().push(body)
            raise ServiceUnavailable("the answer was lost")

    deaf = Deaf(offices.link._registrar, offices.journal)
    with pytest.raises(ServiceUnavailable):
        await desk.sync(deaf)
    assert desk.waiting == 4
    await desk.sync(offices.link)
    assert desk.waiting == 0
    assert len(await offices.journal.read(0, 10)) == 4


async def test_a_registry_that_lost_its_end_is_healed(offices: Offices) -> None:
    """After the registry came back from an older copy, every office brings what it knew, and rights are as before."""
    desk = offices.kpu()
    desk.enrol(line_of(PHONE), "siti", "pantarlih", TPS)
    await desk.sync(offices.link)
    kept = [message.payload for message in await offices.journal.read(0, 10)]
    offices.journal = MemoryRegistryJournal()
    older = offices.new_link()
    for body in pushes_of(kept[:4]):
        await older.push(body)
    await desk.sync(older)
    assert [message.payload for message in await offices.journal.read(0, 10)] == kept
    assert desk.waiting == 0
    assert list(desk.registry.grants_of(PHONE.device))


def test_codes_that_give_nothing(offices: Offices) -> None:
    """An unknown, used or revoked code, another root, and no registry at all are told apart by name."""
    kpu = offices.kpu()
    codes = [kpu.invite("siti", "pantarlih", TPS, until=UNTIL, entropy=bytes([n] * 15)) for n in range(2)]
    used, taken = (voucher_key(code, ELECTION, REGENCY) for code in codes)
    terms = demand_terms(kpu.registry, used.device)
    kpu.say(revoked(taken.device, 1))
    lines = [*read_lines(kpu.lines()), *redeem(used, terms, PHONE.public, election=ELECTION, regency=REGENCY, at=AT)]
    registry = registry_of(lines, ROOT.device)
    for voucher, code in ((used, "used_code"), (taken, "revoked_code"), (PPS, "unknown_code")):
        with pytest.raises(NotJoined) as caught:
            demand_terms(registry, voucher.device)
        assert caught.value.code == code
    for given, root, code in (
        (lines, KPU.device, "other_root"),
        (lines[1:], ROOT.device, "bad_registry"),
        ([], None, "bad_registry"),
    ):
        with pytest.raises(NotJoined) as caught:
            registry_of(given, root)
        assert caught.value.code == code
    with pytest.raises(NotJoined, match="line 2"):
        read_lines([lines[0].line, b"{}"])


def test_many_lines_go_in_several_pushes(offices: Offices) -> None:
    """No push of the desk is over the bounds of a push, whatever waits."""
    desk = offices.kpu()
    desk.say(*(assigned(f"officer-{number}", "pantarlih", TPS, None) for number in range(450)))
    bodies = list(pushes_of(desk.lines()))
    assert [body.count(b"\n") for body in bodies] == [200, 200, 54]
    assert [read_line(line).seq for line in bodies[2].splitlines()][-1] == 450


async def test_an_unused_code_ends(offices: Offices) -> None:
    """What nobody used in time is taken back at the next sync by the office that made it; a used code is left alone."""
    kpu = offices.kpu()
    used, unused, good = (
        voucher_key(kpu.invite("siti", "pantarlih", TPS, until=until, entropy=bytes([n] * 15)), ELECTION, REGENCY)
        for n, until in enumerate((UNTIL, UNTIL, "2024-06-30T00:00:00Z"))
    )
    await kpu.sync(offices.link)
    terms = demand_terms(kpu.registry, used.device)
    lines = redeem(used, terms, PHONE.public, election=ELECTION, regency=REGENCY, at=AT)
    for body in pushes_of([line.line for line in lines]):
        await offices.link.push(body)
    pps = offices.desk("pps", PPS)
    offices.at = "2024-06-26T09:00:01+09:00"
    await pps.sync(offices.link)  # not its codes
    await kpu.sync(offices.link)
    registry = kpu.registry
    assert [registry.is_revoked(code.device) for code in (used, unused, good)] == [False, True, False]
    assert list(registry.grants_of(PHONE.device))
    assert kpu.waiting == 0
    before = kpu.lines()
    await kpu.sync(offices.link)
    assert kpu.lines() == before
