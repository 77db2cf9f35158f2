"""A list of stolen passwords is searched where it lies, and finds what is in it and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecoklit.adapters.stolen_passwords import StolenPasswords
from ecoklit.errors import EcoklitError
from ecoklit.services.accounts import Accounts


def listed(path: Path, passwords: set[str], *, end: str = "\r\n", counts: bool = True) -> StolenPasswords:
    """A file as Pwned Passwords come, of these passwords."""
    hashes = sorted(hashlib.sha1(one.encode(), usedforsecurity=False).hexdigest().upper() for one in passwords)
    lines = [f"{one}:{10 ** (n % 8)}" if counts else one for n, one in enumerate(hashes)]
    path.write_bytes("".join(line + end for line in lines).encode())
    return StolenPasswords(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    passwords=st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=40),
    others=st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=20),
    end=st.sampled_from(["\n", "\r\n"]),
    counts=st.booleans(),
)
def test_it_has_what_is_listed_and_nothing_else(
    tmp_path: Path, passwords: set[str], others: set[str], end: str, counts: bool
) -> None:
    """Whatever is listed, with counts or without, by either end of a line, at the beginning, in the middle or last."""
    found = listed(tmp_path / "list", passwords, end=end, counts=counts)
    assert all(map(found.has, passwords))
    assert not any(map(found.has, others - passwords))


@pytest.mark.parametrize("content", ["", "password\n", "0" * 39 + "\n", "0" * 41 + "\n"])
def test_what_is_no_such_list_is_refused(tmp_path: Path, content: str) -> None:
    """Plain passwords, cut digits, nothing at all: by the variable's name, and without what is in it."""
    (tmp_path / "list").write_text(content)
    with pytest.raises(EcoklitError, match="ECOKLIT_STOLEN_PASSWORDS") as refused:
        StolenPasswords(tmp_path / "list")
    assert refused.value.code == "bad_setting" and "password\n" not in refused.value.message


def test_no_account_gets_a_stolen_password(tmp_path: Path) -> None:
    """It is refused by name, in whichever of two spellings it was typed, and another is taken."""
    stolen = listed(tmp_path / "list", {"kopi susu café ku"})
    accounts = Accounts(None, None, None, stolen.has)  # type: ignore[arg-type]
    for typed in ("kopi susu café ku", "kopi susu cafe\u0301 ku"):
        with pytest.raises(EcoklitError, match="stolen") as refused:
            accounts.demand_password(typed, "siti")
        assert refused.value.code == "bad_password"
    assert accounts.demand_password("kuda hijau lima gunung tenang", "siti") == "kuda hijau lima gunung tenang"
