"""What an enrolment code may do in the registry: enrol one device, once, in its terms, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from ecoklit.core import enrolment, ids
from ecoklit.core.enrolment import Terms
from ecoklit.core.registry import Grant, Registry, fold_registry
from ecoklit.core.registry_event import RegistryLog, SignedRegistry
from ecoklit.core.signing import Key
from ecoklit.testing.made_up_keys import made_up_key

ELECTION, REGENCY, AT = "pilkada-2024", "9404", "2024-06-25T09:00:00+09:00"
VILLAGE, TPS = "9404012001", "9404012001001"
ROOT, PPS, PPK, SERVICE, PHONE, THIEF = (
    made_up_key(0, name) for name in ("root", "pps", "ppk", "service", "phone", "thief")
)
CODE = enrolment.code_of(bytes(range(15)))
VOUCHER = enrolment.voucher_key(CODE, ELECTION, REGENCY)
UNTIL = "2024-06-26T09:00:00Z"
TERMS = Terms("siti", "pantarlih", TPS, UNTIL)


class World:
    """A registry that grows by what its offices say: root, a pps of one village, a ppk of another district."""

    def __init__(self) -> None:
        self.lines: list[SignedRegistry] = []
        self.root = log(ROOT, "root", "kpu")
        self.pps = log(PPS, "pps-1", "pps")
        self.ppk = log(PPK, "ppk-2", "ppk")
        self.say(self.root, "election_opened", root=ROOT.public, services=[SERVICE.public])
        for key, officer, role, area in ((PPS, "pps-1", "pps", VILLAGE), (PPK, "ppk-2", "ppk", "940402")):
            self.say(self.root, "device_enrolled", enrolled=key.device, holder=officer, key=key.public)
            self.say(self.root, "assigned", officer_assigned=officer, role_assigned=role, area=area)

    def say(self, author: RegistryLog, kind: str, **fields: Any) -> str | None:
        return self.take(author.append(kind, at=AT, **fields))

    def take(self, *lines: SignedRegistry) -> str | None:
        """Why the last line is void, None when it is not."""
        self.lines.extend(lines)
        voids = {void.position: void.why for void in self.registry.voids}
        return voids.get(len(self.lines))

    def vouch(self, author: RegistryLog | None = None, **fields: Any) -> str | None:
        terms = {"officer_assigned": TERMS.officer, "role_assigned": TERMS.role, "area": TERMS.area}
        named = {"voucher": VOUCHER.device, "key": VOUCHER.public, "until": UNTIL}
        return self.say(author or self.pps, "vouched", **{**terms, **named, **fields})

    @property
    def registry(self) -> Registry:
        numbered = enumerate((line.line for line in self.lines), 1)
        return fold_registry(ELECTION, REGENCY, numbered, root=ROOT.device)


def log(key: Key, officer: str, role: Any) -> RegistryLog:
    return RegistryLog(key, election=ELECTION, regency=REGENCY, officer=officer, role=role)


def use(device: Key, terms: Terms = TERMS) -> list[SignedRegistry]:
    return enrolment.redeem(VOUCHER, terms, device.public, election=ELECTION, regency=REGENCY, at=AT)


def grants(world: World, device: Key) -> list[Grant]:
    return list(world.registry.grants_of(device.device))


def test_a_code_enrols_a_phone() -> None:
    """With the office away, the phone that has the code gets exactly the right that the code was made for."""
    world = World()
    assert world.vouch() is None
    assert world.take(*use(PHONE)) is None
    registry = world.registry
    assert registry.voids == ()
    assert registry.devices[PHONE.device].holder == "siti"
    assert registry.vouchers[VOUCHER.device].used_by == PHONE.device
    assert [(one.officer, one.role, one.area) for one in grants(world, PHONE)] == [("siti", "pantarlih", TPS)]


def test_the_first_use_wins() -> None:
    """A second use of a code, by whomever, is void and gives nothing; the first one stays."""
    world = World()
    world.vouch()
    world.take(*use(THIEF))
    late = log(VOUCHER, "siti", "pantarlih")
    late.seq, late.prev = 2, ids.to_base64url(world.lines[-1].hash)
    why = world.say(late, "device_enrolled", enrolled=PHONE.device, holder="siti", key=PHONE.public)
    assert why == f"the code was used by {THIEF.device}"
    assert PHONE.device not in world.registry.devices
    assert grants(world, THIEF)


def test_a_code_gives_nothing_back() -> None:
    """Who kept a code cannot renew the right that it gave once the office has ended that."""
    world = World()
    world.vouch()
    world.take(*use(PHONE))
    assert world.say(world.pps, "revoked", revoked=PHONE.device, from_seq=1, area=TPS) is None
    assert grants(world, PHONE) == []
    kept = log(VOUCHER, "siti", "pantarlih")
    kept.seq, kept.prev = 2, ids.to_base64url(use(PHONE)[1].hash)
    terms = {"officer_assigned": "siti", "role_assigned": "pantarlih", "area": TPS, "to_device": PHONE.device}
    assert world.say(kept, "assigned", **terms) == f"the code was used by {PHONE.device}"
    assert grants(world, PHONE) == []


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (Terms("budi", "pantarlih", TPS, UNTIL), "the code was made for siti"),
        (Terms("siti", "pantarlih", "9404012001002", UNTIL), "the code gives another right"),
        (Terms("siti", "pps", VILLAGE, UNTIL), "the code gives another right"),
    ],
)
def test_a_code_gives_its_own_terms_only(terms: Terms, why: str) -> None:
    """A code that is used for another officer, TPS or role gives nothing."""
    world = World()
    world.vouch()
    lines = use(PHONE, terms)
    assert why in {world.take(lines[0]), world.take(lines[1])}
    assert grants(world, PHONE) == []


def test_a_code_says_nothing_else() -> None:
    """A voucher's key cannot close a window, revoke, vouch, or be enrolled as a device."""
    world = World()
    world.vouch()
    voucher = log(VOUCHER, "siti", "pantarlih")
    nothing_else = "a code enrols one device and gives it its right, nothing else"
    assert world.say(voucher, "window_closed", area=TPS) == nothing_else
    assert world.say(voucher, "revoked", revoked=PPS.device, from_seq=1) == nothing_else
    assert (
        world.say(world.root, "device_enrolled", enrolled=VOUCHER.device, holder="x", key=VOUCHER.public)
        == f"{VOUCHER.device} has a place in the registry already: a key is enrolled once"
    )
    assert world.vouch() == f"{VOUCHER.device} has a place in the registry already: a code is made once"


def test_an_office_vouches_within_its_area() -> None:
    """A code for what its author may not give is void, and so opens nothing."""
    world = World()
    assert world.vouch(area="9404022001001") == f"9404022001001 lies outside {VILLAGE}"
    assert world.vouch(role_assigned="pps", area=VILLAGE) == "a pps does not make a pps"
    assert world.vouch(world.ppk) == f"{TPS} lies outside 940402"
    assert VOUCHER.device not in world.registry.vouchers
    assert world.registry.key_of(VOUCHER.device) is None


def test_a_revoked_code_opens_nothing() -> None:
    """The office takes a code back like a device; another area's office cannot."""
    world = World()
    world.vouch()
    assert world.say(world.ppk, "revoked", revoked=VOUCHER.device, from_seq=1) == "the device works outside 940402"
    assert world.say(world.pps, "revoked", revoked=VOUCHER.device, from_seq=1) is None
    assert world.take(*use(PHONE)) == "its device was revoked before it came"
    assert PHONE.device not in world.registry.devices
