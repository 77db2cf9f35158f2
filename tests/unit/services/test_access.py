"""Who comes in by the broker, as the registry says."""

from __future__ import annotations

import pytest

from ecoklit.core.registry import Registry, fold_registry
from ecoklit.services.access import NoAccess, credentials_of, shut_out
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import MadeUpElection

ANNA, BUDI, CANDRA, DEWI = (made_up_key(1, name) for name in ("anna", "budi", "candra", "dewi"))
NKEYS = {"a": "U" + "A" * 55, "b": "U" + "B" * 55}


class Issuer:
    def issue_device(self, device: str, nkey: str) -> str:
        return f"{device} with {nkey}"


def folded(election: MadeUpElection) -> Registry:
    return fold_registry(election.election, election.regency, enumerate(election.registry, start=1))


@pytest.fixture
def election() -> MadeUpElection:
    """Anna and Budi have user keys of their own, Candra has Budi's, and Dewi none."""
    made_up = MadeUpElection("test-2024")
    for key, more in ((ANNA, {"nkey": NKEYS["a"]}), (BUDI, {"nkey": NKEYS["b"]}), (CANDRA, {"nkey": NKEYS["b"]})):
        made_up.say(made_up.root, "device_enrolled", enrolled=key.device, holder="o-1", key=key.public, **more)
    made_up.enrol(DEWI, "o-1")
    return made_up


def revoke(election: MadeUpElection, device: str, **more: object) -> None:
    election.say(election.root, "revoked", revoked=device, from_seq=5, **more)


def test_the_revoked_are_shut_out(election: MadeUpElection) -> None:
    """Nobody is, until the registry revokes a device as a whole, from whatever seq on."""
    assert shut_out(folded(election)) == frozenset()
    revoke(election, ANNA.device, area="9404012001")
    revoke(election, DEWI.device)
    assert shut_out(folded(election)) == frozenset()
    revoke(election, ANNA.device)
    assert shut_out(folded(election)) == {NKEYS["a"]}


def test_nobody_takes_another_one_with_him(election: MadeUpElection) -> None:
    """A key that a device in good standing has too is not shut out; it is when both are revoked."""
    revoke(election, CANDRA.device)
    assert shut_out(folded(election)) == frozenset()
    revoke(election, BUDI.device)
    assert shut_out(folded(election)) == {NKEYS["b"]}


def test_credentials_are_for_the_key_of_the_enrolment(election: MadeUpElection) -> None:
    """A device gets credentials for the user key that its enrolment names, and for no other."""
    assert credentials_of(folded(election), ANNA.device, Issuer()) == f"{ANNA.device} with {NKEYS['a']}"


def test_a_service_without_the_brokers_keys(election: MadeUpElection) -> None:
    """Where the broker is somebody else's, its owner is to be asked."""
    with pytest.raises(NoAccess, match="push over HTTP") as refused:
        credentials_of(folded(election), ANNA.device, None)
    assert refused.value.code == "no_broker"


def test_who_gets_none(election: MadeUpElection) -> None:
    """A stranger, a revoked device, and one that has no user key are refused by name."""
    revoke(election, ANNA.device)
    for device, code in (
        (made_up_key(1, "nobody").device, "unknown_device"), (ANNA.device, "not_entitled"), (DEWI.device, "no_nkey"),
    ):  # fmt: skip
        with pytest.raises(NoAccess) as refused:
            credentials_of(folded(election), device, Issuer())
        assert refused.value.code == code
