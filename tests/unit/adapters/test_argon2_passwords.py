"""Passwords at rest, and what a refusal costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from argon2 import extract_parameters

from ecoklit.adapters import argon2_passwords
from ecoklit.adapters.argon2_passwords import Argon2Passwords
from ecoklit.problems import ProblemError


@pytest.fixture
def passwords() -> Iterator[Argon2Passwords]:
    made = Argon2Passwords(memory_kib=64, passes=1)
    yield made
    made.close()


async def test_only_the_password_itself_matches(passwords: Argon2Passwords) -> None:
    """The hash is another one each time; what is no hash, and no account, is matched by nothing."""
    first, second = [await passwords.hashed("lima kata acak") for _ in range(2)]
    assert first != second
    assert await passwords.matches(first, "lima kata acak")
    for hashed, said in ((first, "lima kata acak "), (first, ""), ("", "x"), ("$argon2id$x", "x"), (None, "x")):
        assert not await passwords.matches(hashed, said)


async def test_a_login_that_nobody_has_costs_as_much(
    passwords: Argon2Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an account that there is not, a hash of the same cost is computed all the same."""
    looked: list[str] = []
    verify = passwords._hasher.verify

    def counted(hashed: str, password: str) -> bool:
        looked.append(hashed)
        return verify(hashed, password)

    hashed = await passwords.hashed("lima kata acak")
    monkeypatch.setattr(passwords, "_hasher", SimpleNamespace(verify=counted, hash=passwords._hasher.hash))
    await passwords.matches(hashed, "x")
    await passwords.matches(None, "x")
    theirs, nobodys = map(extract_parameters, looked)
    assert theirs == nobodys


async def test_what_is_kept_costs_what_rfc_9106_says() -> None:
    """A hash as the service keeps it: argon2id, 64 MiB, three passes, four lanes."""
    passwords = Argon2Passwords()
    found = extract_parameters(await passwords.hashed("lima kata acak"))
    passwords.close()
    assert (found.type.name, found.memory_cost, found.time_cost, found.parallelism) == ("ID", 65536, 3, 4)


async def test_a_crowd_waits_outside(passwords: Argon2Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each guess takes memory: beyond so many at once the rest are told to come again."""
    monkeypatch.setattr(argon2_passwords, "WAITING_MAX", 3)
    outcomes = await asyncio.gather(*(passwords.hashed("x") for _ in range(10)), return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, ProblemError)]
    assert len(refused) == 7
    assert {(one.code, int(one.status)) for one in refused} == {("service_busy", 503)}
