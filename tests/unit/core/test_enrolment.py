"""Enrolment codes, key lines and invitations."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoklit.core import enrolment, ids
from ecoklit.core.enrolment import BadEnrolment, Invitation, Terms
from ecoklit.core.registry_event import Assigned, DeviceEnrolled, RegistryLog
from ecoklit.core.signing import ED25519, P256, Key, key_from_seed

CODE = enrolment.code_of(bytes(range(100, 115)))
PHONE = key_from_seed(P256, b"\7" * 32)
TERMS = Terms("pantarlih-7", "pantarlih", "9404012001001", "2024-06-26T00:00:00Z")
RAW = ids.to_base64url(bytes(32))
NKEY = "U" + "A" * 55


def voucher(code: str = CODE, election: str = "pilkada-2024", regency: str = "9404") -> Key:
    return enrolment.voucher_key(code, election, regency)


def refusal(call: object, *arguments: object) -> str:
    with pytest.raises(BadEnrolment) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


@settings(max_examples=20)
@given(st.binary(min_size=15, max_size=15))
def test_a_code_can_be_read_aloud(entropy: bytes) -> None:
    """A code that was heard, whatever the case and the pauses, is the code that was made."""
    code = enrolment.code_of(entropy)
    assert len(code) == 19
    assert enrolment.read_code(code.lower().replace("-", " ").replace("0", "o").replace("1", "i")) == code


def test_a_code_is_one_key_in_one_place() -> None:
    """One code gives the same key on both sides, and another one in another election or regency."""
    assert voucher() == voucher(CODE.lower())
    others = {voucher().device, voucher(election="pilkada-2029").device, voucher(regency="9401").device}
    assert len(others) == 3


def test_the_key_of_a_code_is_fixed() -> None:
    """The key of a code is a part of the contract: another program must find the same."""
    assert enrolment.read_code("0000 0000 0000 0000") == "0000-0000-0000-0000"
    assert voucher("0000-0000-0000-0000").algorithm == ED25519
    assert voucher("0000-0000-0000-0000").device == "csjk6a7xpskxoiti"


@pytest.mark.parametrize("text", ["", CODE[:-1], CODE + "0", CODE[:-1] + "U", "0" * 15 + "1", "kode saya"])
def test_a_mistyped_code_is_told_at_once(text: str) -> None:
    """A code with a symbol wrong, missing or too many is refused before anyone is asked."""
    assert refusal(enrolment.read_code, text) == "bad_code"
    assert refusal(enrolment.voucher_key, text, "pilkada-2024", "9404") == "bad_code"


def test_a_device_enrols_itself() -> None:
    """With a voucher a device says two things, signed by the voucher: enrolled, and assigned by the voucher's terms."""
    enrolled, assigned = enrolment.redeem(
        voucher(),
        TERMS,
        PHONE.public,
        election="pilkada-2024",
        regency="9404",
        at="2024-06-25T09:00:00+09:00",
        nkey=NKEY,
    )
    assert isinstance(enrolled.event, DeviceEnrolled) and isinstance(assigned.event, Assigned)
    assert (enrolled.event.enrolled, enrolled.event.holder, enrolled.event.nkey) == (PHONE.device, TERMS.officer, NKEY)
    assert (assigned.event.officer_assigned, assigned.event.area) == (TERMS.officer, TERMS.area)
    assert assigned.event.to_device == PHONE.device
    assert (enrolled.seq, assigned.seq, assigned.prev) == (1, 2, ids.to_base64url(enrolled.hash))
    assert all(line.signed_by(voucher().public) for line in (enrolled, assigned))


@pytest.mark.parametrize(("at", "good"), [("2024-06-26T09:00:00+09:00", True), ("2024-06-26T09:00:01+09:00", False)])
def test_a_device_does_not_use_a_code_after_its_time(at: str, good: bool) -> None:
    """A code is used up to its last second, whatever the offsets, and not after it."""

    def use() -> object:
        return enrolment.redeem(voucher(), TERMS, PHONE.public, election="pilkada-2024", regency="9404", at=at)

    if good:
        assert use()
    else:
        assert refusal(use) == "late_code"


@pytest.mark.parametrize("nkey", [None, NKEY])
def test_a_key_line_comes_back(nkey: str | None) -> None:
    """What a device shows of its key is read as it was shown."""
    line = enrolment.read_key_line(enrolment.write_key_line(PHONE.public, nkey) + "\n")
    assert line.key == PHONE.public
    assert line.key.device == PHONE.device


@pytest.mark.parametrize(
    "text",
    [
        "",
        PHONE.device,
        '{"enrol":{}}',
        '{"enrol":{"algorithm":"ed25519","public_key":"AAAA"}}',
        '{"enrol":{"algorithm":"rsa","public_key":"AAAA"}}',
        '{"enrol":{"algorithm":"ed25519","public_key":"KEY","seed":"AAAA"}}'.replace("KEY", RAW),
        '{"enrol":{"algorithm":"ed25519","nkey":"*","public_key":"KEY"}}'.replace("KEY", RAW),
        "[" * 5000,
    ],
)
def test_no_key_line(text: str) -> None:
    """What is no key, or names a wildcard for a user, is refused, never a fault."""
    assert refusal(enrolment.read_key_line, text) == "bad_key_line"


def test_an_invitation_comes_back() -> None:
    """What the QR code of a code says is read as it was written; a damaged one is refused."""
    invitation = Invitation(CODE, "pilkada-2024", "9404", PHONE.device, "http://127.0.0.1:8484")
    assert enrolment.read_invitation(enrolment.write_invitation(invitation)) == invitation
    bare = Invitation(CODE, "pilkada-2024", "9404", PHONE.device)
    assert "service" not in enrolment.write_invitation(bare)
    assert enrolment.read_invitation(enrolment.write_invitation(bare)) == bare
    assert refusal(enrolment.read_invitation, CODE) == "bad_invitation"
    wrong = enrolment.write_invitation(Invitation(CODE, "pilkada-2024", "94", PHONE.device))
    assert refusal(enrolment.read_invitation, wrong) == "bad_invitation"
    assert refusal(enrolment.read_invitation, enrolment.write_invitation(bare).replace(CODE, "X")) == "bad_code"


def test_an_invitation_comes_back_from_its_link() -> None:
    """The link that opens the field app holds the whole invitation behind its #; where no service is known there is
    none, and a damaged one is refused."""
    invitation = Invitation(CODE, "pilkada-2024", "9404", PHONE.device, "https://coklit.example")
    link = enrolment.write_link(invitation)
    assert link == f"https://coklit.example/field/#{CODE}.pilkada-2024.9404.{PHONE.device}"
    assert enrolment.read_invitation(link) == invitation and enrolment.is_invitation(link)
    assert enrolment.write_link(Invitation(CODE, "pilkada-2024", "9404", PHONE.device)) is None
    assert not enrolment.is_invitation(CODE)
    assert refusal(enrolment.read_invitation, link.replace(".9404", "")) == "bad_invitation"
    assert refusal(enrolment.read_invitation, link.replace("9404", "94")) == "bad_invitation"
    assert refusal(enrolment.read_invitation, link.replace(CODE, "X")) == "bad_code"


def test_a_device_carries_its_chain_of_rights() -> None:
    """What a device takes along is every log that its right came through, whole and in order, and no other log."""
    keys = {name: key_from_seed(ED25519, name.encode().ljust(32)) for name in ("root", "kpu", "ppk", "pps", "other")}
    logs = {
        name: RegistryLog(key, election="pilkada-2024", regency="9404", officer=name, role="kpu")
        for name, key in keys.items()
    }
    lines: list[tuple[str, bytes]] = []

    def say(name: str, kind: str, **fields: object) -> None:
        lines.append((name, logs[name].append(kind, at="2024-06-25T09:00:00+09:00", **fields).line))

    def enrol(by: str, name: str, area: str, role: str, to_device: bool = True) -> None:
        key = keys[name].public
        say(by, "device_enrolled", enrolled=key.device, holder=name, key=key)
        more = {"to_device": key.device} if to_device else {}
        say(by, "assigned", officer_assigned=name, role_assigned=role, area=area, **more)

    keys["phone"] = PHONE
    say("root", "election_opened", root=keys["root"].public, services=[keys["other"].public])
    enrol("root", "kpu", "9404", "kpu")
    enrol("kpu", "ppk", "940401", "ppk")
    enrol("kpu", "pps", "9404012001", "pps", to_device=False)
    enrol("kpu", "other", "9404022001", "pps")
    say("other", "window_closed", area="9404022001")
    say("ppk", "window_closed", area="940401")
    enrol("pps", "phone", "9404012001001", "pantarlih")
    carried = enrolment.chain_of([line for _, line in lines], PHONE.device)
    assert carried == [line for name, line in lines if name in ("root", "kpu", "pps")]
    assert enrolment.chain_of([line for _, line in lines], keys["ppk"].device) == [
        line for name, line in lines if name in ("root", "kpu", "ppk")
    ]


VOUCHED = {
    "area": TERMS.area,
    "key": voucher().public,
    "officer_assigned": TERMS.officer,
    "role_assigned": TERMS.role,
    "until": "2024-06-26T09:00:00Z",
    "voucher": voucher().device,
}


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("area", "9404012001", "area is no area of a pantarlih"),
        ("area", "9501012001001", "area is no area of the regency"),
        ("officer_assigned", "Siti", "officer_assigned is no word"),
        ("role_assigned", "saksi", "Invalid enum value"),
        ("until", "besok", "until is no RFC 3339 time"),
        ("voucher", PHONE.device, "the key is not that of"),
        ("key", {"algorithm": "ed25519", "public_key": "AAAA"}, "the key is no public key"),
    ],
)
def test_a_wrong_vouched_is_a_bad_event(field: str, value: object, why: str) -> None:
    """Each field of `vouched` has its rule, and what breaks it is never signed here."""
    log = RegistryLog(PHONE, election="pilkada-2024", regency="9404", officer="pps-1", role="pps")
    log.append("vouched", at="2024-06-25T09:00:00+09:00", **VOUCHED)
    with pytest.raises(ValueError, match=why):
        log.append("vouched", at="2024-06-25T09:00:00+09:00", **{**VOUCHED, field: value})


def test_a_code_is_a_part_of_the_chain() -> None:
    """A device that enrolled itself by a code takes along the log of the office that made the code."""
    office = key_from_seed(ED25519, b"\3" * 32)
    log = RegistryLog(office, election="pilkada-2024", regency="9404", officer="pps-1", role="pps")
    made = log.append("vouched", at="2024-06-25T09:00:00+09:00", **VOUCHED)
    used = enrolment.redeem(
        voucher(), TERMS, PHONE.public, election="pilkada-2024", regency="9404", at="2024-06-25T10:00:00+09:00"
    )
    lines = [line.line for line in (made, *used)]
    assert enrolment.chain_of(lines, PHONE.device) == lines
