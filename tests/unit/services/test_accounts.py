"""On what terms somebody gets an account, and how its codes are sealed."""

from __future__ import annotations

from itertools import count
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoklit.errors import EcoklitError
from ecoklit.services.accounts import CodeSecrets, demand_login, demand_password, enrolment_uri
from ecoklit.services.budget import VOTERS_PER_DAY, area_within, budget_of
from ecoklit.services.viewer import AREA_DIGITS, OWN_RIGHTS, Viewer, rights_of

SEED = bytes(range(32))


def secrets_of(seed: bytes = SEED) -> CodeSecrets:
    nth = count(1)
    return CodeSecrets(lambda: seed, lambda size: next(nth).to_bytes(size, "big"))


@pytest.mark.parametrize("login", ["siti", "s.iti_1-2@kpu", "0ab", "a" * 64, "940401410790000", "94040141079000011"])
def test_a_login_is_a_short_word(login: str) -> None:
    """3 to 64 lower-case characters, digits and . _ - @."""
    demand_login(login)


@pytest.mark.parametrize(
    "login", ["", "ab", "a" * 65, "Siti", ".siti", "si ti", "siti\n", "sitì", "9404014107900001", "si'ti", "a/b", "a:b"]
)
def test_a_login_is_nothing_else(login: str) -> None:
    """What is no such word, or is an identity number, is refused and not repeated."""
    with pytest.raises(EcoklitError) as refused:
        demand_login(login)
    assert refused.value.code == "bad_login"
    assert len(login) < 3 or login not in refused.value.message


@given(st.text(max_size=200))
def test_a_password_that_is_taken_is_long_and_varied(text: str) -> None:
    """What is taken has 15 to 128 printable characters, five of them different, and comes back in its one form."""
    try:
        taken = demand_password(text, "siti")
    except EcoklitError as refused:
        assert refused.code == "bad_password"
        assert len(text) < 4 or text not in refused.message
        return
    assert 15 <= len(taken) <= 128 and len(set(taken)) >= 5 and taken.isprintable() and "siti" not in taken.lower()
    assert demand_password(taken, "siti") == taken


def test_one_password_in_two_spellings_is_one() -> None:
    """A letter with its accent is the same whether the keyboard sends one character or two."""
    assert demand_password("kopi susu café ku", "siti") == demand_password("kopi susu cafe\u0301 ku", "siti")


def test_a_sealed_secret_opens_for_its_service_and_login_alone() -> None:
    """Another key, another login and a changed byte open nothing; the same secret is sealed otherwise each time."""
    ours, secret = secrets_of(), bytes(range(20))
    sealed = ours.sealed(secret, "siti")
    assert ours.opened(sealed, "siti") == secret
    assert ours.sealed(secret, "siti") != sealed
    assert secret not in sealed
    spoilt = bytes([sealed[0] ^ 1]) + sealed[1:]
    others = ((secrets_of(bytes(32)), sealed, "siti"), (ours, sealed, "budi"), (ours, spoilt, "siti"))
    for opener, held, login in others:
        with pytest.raises(EcoklitError) as refused:
            opener.opened(held, login)
        assert refused.value.code == "other_key"


@pytest.mark.parametrize("role", OWN_RIGHTS)
def test_every_area_of_every_role_has_a_budget(role: str) -> None:
    """Whatever an account may see, it may see so much of in a day; what is asked for by id counts in its first area."""
    for digits in AREA_DIGITS.get(role, (4, 6, 10, 13)):
        assert 0 < budget_of("9404012001001"[:digits]) <= max(VOTERS_PER_DAY.values())
    viewer = Viewer("a", "siti", role, ("9404", "9405012001"), rights_of(role))
    assert area_within(viewer, "940401") == "9404"
    assert area_within(viewer, "9405012001001") == "9405012001"
    assert area_within(viewer, None) == "9404"


def test_an_authenticator_app_reads_it() -> None:
    """The address holds the secret in base32, the login and the election, each as it is."""
    uri = urlsplit(enrolment_uri(b"12345678901234567890", "siti@kpu", "pilkada-2024"))
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", "/ecoklit pilkada-2024:siti@kpu")
    assert parse_qs(uri.query) == {"secret": ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"], "issuer": ["ecoklit pilkada-2024"]}
