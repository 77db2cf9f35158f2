"""Faults of the office, each as it was found."""

from __future__ import annotations

from pathlib import Path

from ecoklit.adapters.office_registry import OfficeRegistry
from ecoklit.bootstrap import JournalLink
from ecoklit.core import ids
from ecoklit.core.head import sign_head
from ecoklit.core.recovery_kit import KeptKeys
from ecoklit.services.desk import Desk
from ecoklit.services.opening import opening_lines
from ecoklit.services.registry import Registrar
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.memory_registry_journal import MemoryRegistryJournal

ELECTION, REGENCY, AT = "test-2024", "9404", "2024-06-25T09:00:00+09:00"
ROOT, SERVICE, KPU, PHONE = (made_up_key(1, name) for name in ("root", "service", "kpu", "phone"))


def registrar_of(journal: MemoryRegistryJournal) -> Registrar:
    return Registrar(election=ELECTION, regency=REGENCY, journal=journal, root=lambda: ROOT.device)


async def say_cloned(registrar: Registrar, at: str) -> None:
    """As a service does when a copied phone pushes: again after a restore, and at another time."""
    held, other = (ids.to_base64url(ids.sha256(name)) for name in (b"held", b"other"))
    head = sign_head(PHONE, ELECTION, 1, ids.sha256(b"other"))
    await registrar.say(
        SERVICE, "cloned", officer="service", at=at, cloned=PHONE.device, at_seq=1, held=held, other=other, head=head
    )


async def test_a_restored_service_that_spoke_again_does_not_stop_its_office(tmp_path: Path) -> None:
    """A service that called a phone a clone, lost that in a restore and said it again had two events of one name for an
    office that knew the first: each sync ended `out_of_step`, and what else was lost never came back."""
    opening = opening_lines(KeptKeys(ELECTION, REGENCY, ROOT, SERVICE, KPU), officer="kpu-1", at=AT, tps=[])
    before, after = MemoryRegistryJournal(), MemoryRegistryJournal()
    with OfficeRegistry.make(tmp_path, ROOT.device, opening) as store:
        desk = Desk(store, KPU, election=ELECTION, regency=REGENCY, clock=lambda: AT)
        await desk.sync(JournalLink(registrar_of(before), before))
        await say_cloned(registrar_of(before), AT)
        (closed,) = desk.say(("window_closed", {"area": REGENCY}))
        await desk.sync(JournalLink(registrar_of(before), before))
        for message in await before.read(0, len(opening)):
            head = await after.head(message.device)
            await after.append(message.device, head.sequence if head else 0, [message.payload])
        await say_cloned(registrar_of(after), "2024-06-26T09:00:00+09:00")
        link = JournalLink(registrar_of(after), after)
        await desk.sync(link)
        assert await desk.sync(link) == (0, 0)
        held = [message.payload for message in await after.read(0, 100)]
        assert held[-1] == closed.line
        assert (len(held), desk.lines()) == (len(opening) + 2, held)
