"""What a phone takes as an enrolment, and what it carries of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ecoklit.core.enrolment import BadEnrolment
from ecoklit.core.limits import PUSH_REGISTRY_LINES_MAX
from ecoklit.core.push_file import write_push
from ecoklit.core.registry import fold_registry
from ecoklit.core.registry_event import RegistryLog, SignedRegistry, read_line
from ecoklit.core.signing import Key
from ecoklit.field import enrolment
from ecoklit.field.outbox import Outbox
from ecoklit.testing.made_up_keys import made_up_key

ELECTION, REGENCY = "pilkada-2024", "9404"
VILLAGE, TPS = "9404012001", "9404012001001"
AT = "2024-06-20T08:00:00+09:00"
ROOT, KPU, PPS, PHONE, SERVICE = (made_up_key(1, name) for name in ("root", "kpu", "pps", "phone", "service"))


class Ladder:
    """A registry as it comes down: root → kpu → pps → phone, with so many other phones enrolled on the way."""

    def __init__(self, *, by_kpu: int = 0, by_pps: int = 0) -> None:
        self.lines: list[SignedRegistry] = []
        self._logs = {
            key.device: RegistryLog(key, election=ELECTION, regency=REGENCY, officer=officer, role=role)
            for key, officer, role in ((ROOT, "kpu", "kpu"), (KPU, "kpu", "kpu"), (PPS, "pps-1", "pps"))
        }  # type: ignore[misc]
        self.say(ROOT, "election_opened", root=ROOT.public, services=[SERVICE.public])
        self.enrol(ROOT, KPU, "kpu", "kpu", REGENCY)
        for nth in range(by_kpu):
            self.enrol(KPU, made_up_key(2, f"kpu{nth}"), f"o-{nth}", "pps", VILLAGE)
        self.enrol(KPU, PPS, "pps-1", "pps", VILLAGE)
        for nth in range(by_pps):
            self.enrol(PPS, made_up_key(3, f"pps{nth}"), f"p-{nth}", "pantarlih", TPS)
        self.enrol(PPS, PHONE, "p-1", "pantarlih", TPS)

    def say(self, by: Key, type: str, **fields: object) -> None:
        self.lines.append(self._logs[by.device].append(type, at=AT, **fields))

    def enrol(self, by: Key, key: Key, officer: str, role: str, area: str) -> None:
        self.say(by, "device_enrolled", enrolled=key.device, holder=officer, key=key.public)
        self.say(by, "assigned", area=area, officer_assigned=officer, role_assigned=role, to_device=key.device)

    @property
    def file(self) -> bytes:
        return file_of(self.lines)


def file_of(lines: Sequence[SignedRegistry]) -> bytes:
    return write_push((), None, registry=[line.line for line in lines])


def carried(tmp_path: Path, ladder: Ladder) -> list[SignedRegistry]:
    with Outbox(tmp_path / "phone", make=True) as outbox:
        outbox.make_identity(PHONE)
        enrolment.take(outbox, enrolment.read(ladder.file, PHONE))
        return [read_line(line) for line in enrolment.ahead(outbox, PHONE.device)]


def test_a_file_says_who_the_officer_is_and_where(tmp_path: Path) -> None:
    """Officer, role, TPS, root and services follow from the registry's lines, in any depth of the ladder."""
    taken = enrolment.read(Ladder().file, PHONE)
    assert (taken.about.officer, taken.about.role, taken.places) == ("p-1", "pantarlih", [TPS])
    assert taken.about.root == ROOT.device
    with Outbox(tmp_path / "phone", make=True) as outbox:
        outbox.make_identity(PHONE)
        assert enrolment.services_of(outbox) == {}
        enrolment.take(outbox, taken, service="http://x")
        assert enrolment.services_of(outbox) == {SERVICE.device: SERVICE.public}
        assert outbox.about().service == "http://x"


def test_the_policy_is_the_one_that_was_set_for_the_place() -> None:
    """The last policy that was set for an area of the phone's is its policy; one of elsewhere is not."""
    ladder = Ladder()
    for policy, area in (("2024-2", REGENCY), ("2024-3", VILLAGE), ("2024-4", "940402")):
        ladder.say(KPU, "policy_set", policy=policy, area=area)
    assert enrolment.read(ladder.file, PHONE).about.policy == "2024-3"


def test_a_phone_carries_all_that_proves_its_right(tmp_path: Path) -> None:
    """What goes ahead of the first push gives the phone its key and right in a registry that has nothing yet."""
    lines = carried(tmp_path, Ladder(by_kpu=3, by_pps=3))
    registry = fold_registry(ELECTION, REGENCY, [(nth, line.line) for nth, line in enumerate(lines, start=1)])
    assert registry.voids == ()
    assert [grant.area for grant in registry.grants_of(PHONE.device)] == [TPS]


@pytest.mark.parametrize(("by_kpu", "by_pps"), [(150, 10), (0, 150), (150, 150)])
def test_a_phone_carries_no_more_than_a_push_takes(tmp_path: Path, by_kpu: int, by_pps: int) -> None:
    """Of long logs the nearest are carried, whole where they fit; the phone's own enrolment always."""
    lines = carried(tmp_path, Ladder(by_kpu=by_kpu, by_pps=by_pps))
    assert len(lines) <= PUSH_REGISTRY_LINES_MAX
    assert any(getattr(line.event, "enrolled", "") == PHONE.device for line in lines)
    for device in {line.device for line in lines}:
        seqs = [line.seq for line in lines if line.device == device]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert seqs[0] == 1 or len(lines) == PUSH_REGISTRY_LINES_MAX


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda ladder: ladder.lines.pop(), "gave p-1 no TPS"),
        (lambda ladder: ladder.lines.__delitem__(slice(-2, None)), "enrols another phone"),
        (lambda ladder: ladder.lines.pop(0), "does not hold"),
        (lambda ladder: ladder.lines.clear(), "no enrolment"),
        (lambda ladder: ladder.say(KPU, "revoked", revoked=PHONE.device, from_seq=1), "revoked this phone"),
        (lambda ladder: ladder.say(KPU, "revoked", revoked=PHONE.device, from_seq=1, area=TPS), "gave p-1 no TPS"),
    ],
)
def test_a_file_that_gives_no_right_is_refused(spoil: object, said: str) -> None:
    """Each lack is named: no enrolment, no TPS, no beginning, a revocation."""
    ladder = Ladder()
    spoil(ladder)  # type: ignore[operator]
    with pytest.raises(BadEnrolment, match=said):
        enrolment.read(ladder.file, PHONE)


def test_a_right_that_nobody_could_give_is_none() -> None:
    """A device that enrols phones without being an office's has given nothing."""
    thief = made_up_key(1, "thief")
    log = RegistryLog(thief, election=ELECTION, regency=REGENCY, officer="kpu", role="kpu")
    forged = [
        log.append("device_enrolled", at=AT, enrolled=PHONE.device, holder="p-1", key=PHONE.public),
        log.append(
            "assigned", at=AT, area=TPS, officer_assigned="p-1", role_assigned="pantarlih", to_device=PHONE.device
        ),
    ]
    with pytest.raises(BadEnrolment, match="another phone"):
        enrolment.read(file_of([*Ladder().lines[:-2], *forged]), PHONE)


def test_every_byte_of_a_file_matters() -> None:
    """A file that was changed anywhere gives no other right than it gave, or none."""
    good = Ladder().file
    before = enrolment.read(good, PHONE)
    for at in range(0, len(good), 97):
        changed = bytearray(good)
        changed[at] ^= 2
        try:
            taken = enrolment.read(bytes(changed), PHONE)
        except BadEnrolment:
            continue
        assert (taken.about, taken.places) == (before.about, before.places)


def test_a_phone_belongs_to_one_root_for_life(tmp_path: Path) -> None:
    """A file under another root key, or one that the officer did not expect, is refused."""
    with pytest.raises(BadEnrolment, match="does not hold"):
        enrolment.read(Ladder().file, PHONE, root=made_up_key(1, "other").device)
    with Outbox(tmp_path / "phone", make=True) as outbox:
        outbox.make_identity(PHONE)
        taken = enrolment.read(Ladder().file, PHONE)
        enrolment.take(outbox, taken)
        for change in ({"root": PPS.device}, {"election": "pilkada-2029"}, {"regency": "9405"}):
            with pytest.raises(BadEnrolment):
                enrolment.take(outbox, taken._replace(about=taken.about._replace(**change)))
        assert outbox.about().root == ROOT.device
