"""Whom the broker's keys let in, and as what."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import nkeys
import pytest

from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.nats_credentials import ACCOUNT, USER, BrokerKey, CredentialFault, is_user_key
from ecoklit.testing.made_up_keys import made_up_device

DEVICE = made_up_device(1, "anna")
NKEY = BrokerKey.fresh(USER).public


class Clock:
    now = 1_700_000_000.9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def accounts(tmp_path: Path) -> BrokerAccounts:
    return BrokerAccounts(tmp_path / "keys", Clock())


def said(jwt: str) -> dict[str, Any]:
    body = jwt.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return decoded


@pytest.mark.parametrize(
    "name", ["", "*", ">", "a.b", " ", DEVICE.upper(), DEVICE[:-1], DEVICE + "a", DEVICE[:-1] + "1"]
)
def test_only_a_device_is_let_in_as_one(accounts: BrokerAccounts, name: str) -> None:
    """The broker would take a user named `*` or `>` at its word: it could push as everybody. Nobody is named so."""
    with pytest.raises(CredentialFault, match="no device") as refused:
        accounts.issue_device(name, NKEY)
    assert refused.value.code == "bad_name"


@pytest.mark.parametrize(
    "nkey",
    ["", "U", NKEY[:-1], NKEY.lower(), "U" + "A" * 55, BrokerKey.fresh(ACCOUNT).public, BrokerKey.fresh(USER).seed],
    ids=["nothing", "its first letter", "too short", "lower case", "a wrong sum", "an account's", "a seed"],
)
def test_only_a_user_key_is_let_in(accounts: BrokerAccounts, nkey: str) -> None:
    """Another kind of key, one with a typing error, and a seed by mistake are refused, and never repeated."""
    with pytest.raises(CredentialFault) as refused:
        accounts.issue_device(DEVICE, nkey)
    assert refused.value.code == "bad_nkey"
    assert nkey == "" or nkey == "U" or nkey not in refused.value.message


def test_a_typing_error_in_a_key_is_seen() -> None:
    """Every other letter in any place breaks the key's checksum."""
    assert is_user_key(NKEY)
    for place in range(1, len(NKEY)):
        wrong = NKEY[:place] + ("A" if NKEY[place] != "A" else "B") + NKEY[place + 1 :]
        assert not is_user_key(wrong), wrong


@pytest.mark.parametrize("name", ["", "*", ">", "a.b", "Saksi", "a" * 33])
def test_a_reader_has_a_plain_name(accounts: BrokerAccounts, name: str) -> None:
    """So do its election and regency: they become subjects that it may read."""
    with pytest.raises(CredentialFault) as refused:
        accounts.issue_reader(name, NKEY, "pilkada-2024", "9404")
    assert refused.value.code == "bad_name"
    for election, regency in ((name, "9404"), ("pilkada-2024", name)):
        with pytest.raises(CredentialFault):
            accounts.issue_reader("saksi", NKEY, election, regency)


def test_claims_bring_no_rights_of_their_own(accounts: BrokerAccounts) -> None:
    """What a device may is the scope's, so that it can be narrowed for all at once; its claims name only who it is."""
    claims = said(accounts.issue_device(DEVICE, NKEY))
    assert (claims["name"], claims["sub"], claims["iat"]) == (DEVICE, NKEY, 1_700_000_000)
    assert claims["nats"] == {"type": "user", "version": 2, "issuer_account": accounts.account}


def test_claims_are_signed_by_who_is_named(accounts: BrokerAccounts) -> None:
    """The signature is over the first two parts, by the key that is named as issuer."""
    jwt = accounts.account_claims()
    body, _, signature = jwt.rpartition(".")
    operator = nkeys.from_seed(bytearray((accounts.service_credentials.parent / "operator.nk").read_bytes().strip()))
    assert said(jwt)["iss"] == operator.public_key.decode() == accounts.operator
    assert operator.verify(body.encode(), base64.urlsafe_b64decode(signature + "=="))


def test_keys_are_for_their_owner_alone(accounts: BrokerAccounts) -> None:
    """Nobody else on the machine reads a key, the service's credentials, or who is shut out."""
    accounts.revoke([NKEY])
    folder = accounts.service_credentials.parent
    assert folder.stat().st_mode & 0o777 == 0o700
    files = sorted(folder.iterdir())
    assert len(files) == 10
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_the_same_folder_is_the_same_broker(tmp_path: Path) -> None:
    """Opened again, all keys and who is shut out are as they were, and claims are later than the last ones told."""
    first = BrokerAccounts(tmp_path, Clock())
    first.revoke([NKEY])
    told = said(first.account_claims())
    again = BrokerAccounts(tmp_path, Clock())
    assert (again.operator, again.system, again.account) == (first.operator, first.system, first.account)
    assert again.revoked == {NKEY}
    assert again.service_credentials.read_text() == first.service_credentials.read_text()
    later = said(again.account_claims())
    assert later["iat"] > told["iat"]
    assert later["nats"]["revocations"] == told["nats"]["revocations"] == {NKEY: 1_700_000_000}


def test_claims_are_later_although_the_clock_is_set_back(tmp_path: Path) -> None:
    """A broker keeps the latest claims: a revocation must not lose against those of before the clock was wrong."""
    clock = Clock()
    accounts = BrokerAccounts(tmp_path, clock)
    first = said(accounts.account_claims())["iat"]
    clock.now -= 86_400
    assert said(accounts.account_claims())["iat"] > first


def test_the_service_is_never_shut_out(accounts: BrokerAccounts) -> None:
    """A device that was enrolled with the service's own key, or with none at all, shuts nobody out."""
    service = accounts._service.public
    with pytest.raises(CredentialFault):
        accounts.issue_device(DEVICE, service)
    assert not accounts.revoke([service, "", "*", "U" * 56])
    assert accounts.revoke([NKEY])
    assert not accounts.revoke([NKEY])
    assert accounts.revoked == {NKEY}


def test_a_lost_key_is_made_anew(accounts: BrokerAccounts) -> None:
    """Without the devices' key there is a new one, and nobody else's rights change."""
    folder = accounts.service_credentials.parent
    (folder / "devices.nk").unlink()
    again = BrokerAccounts(folder, Clock())
    assert (again.account, again.operator) == (accounts.account, accounts.operator)
    assert said(again.issue_device(DEVICE, NKEY))["iss"] != said(accounts.issue_device(DEVICE, NKEY))["iss"]


@pytest.mark.parametrize("name", ["operator.nk", "revoked.json"])
@pytest.mark.parametrize("content", ["", "broken", "{}", '{"issued":1,"revoked":[]}', "SUA\xff"])
def test_a_damaged_folder_is_said(accounts: BrokerAccounts, name: str, content: str) -> None:
    """A key or a list that cannot be read is not made anew: that would let the shut-out in, or everybody out."""
    folder = accounts.service_credentials.parent
    (folder / name).write_text(content)
    with pytest.raises(CredentialFault, match="from the backup") as refused:
        BrokerAccounts(folder, Clock())
    assert refused.value.code == "bad_credentials"


def test_a_key_is_not_shown(accounts: BrokerAccounts) -> None:
    """The seed of a key is not in what a debugger or a log would print of it."""
    key = BrokerKey.fresh(USER)
    assert key.seed not in repr(key)
    assert key.public in repr(key)
