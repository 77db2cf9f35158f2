"""Nonces that nobody remembers."""

from __future__ import annotations

from ecoklit.core import ids
from ecoklit.services.nonce import NONCE_SECONDS_MAX, Nonces


class Clock:
    now = 1_720_000_000.5

    def __call__(self) -> float:
        return self.now


def test_a_nonce_is_fresh_for_its_time_and_no_longer() -> None:
    """What was issued is fresh until its end; the service's restart with the same secret does not change that."""
    clock = Clock()
    nonce = Nonces(b"s" * 32, clock).issue()
    again = Nonces(b"s" * 32, clock)
    assert again.is_fresh(nonce)
    clock.now += NONCE_SECONDS_MAX - 1
    assert again.is_fresh(nonce)
    clock.now += 2
    assert not again.is_fresh(nonce)


def test_nobody_else_makes_a_nonce() -> None:
    """A changed bit, another secret's nonce, a later end, and what is no nonce at all are not fresh."""
    clock = Clock()
    nonces = Nonces(b"s" * 32, clock)
    raw = bytearray(ids.from_base64url(nonces.issue()))
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        assert not nonces.is_fresh(ids.to_base64url(bytes(changed)))
    for forged in (Nonces(b"t" * 32, clock).issue(), "", "=", "é", "A" * 32, "x" * 10_000, ids.to_base64url(raw[:-1])):
        assert not nonces.is_fresh(forged)
