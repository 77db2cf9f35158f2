"""Keys of made-up devices: anybody can make them again from their names, so they guard nothing."""

from __future__ import annotations

from functools import lru_cache

from ecoklit.core import ids
from ecoklit.core.signing import ED25519, Key, key_from_seed


@lru_cache(maxsize=4096)  # a day has a thousand phones, and the public half costs a multiplication
def made_up_key(seed: int, name: str) -> Key:
    """The key of a made-up device: the same for one seed and name."""
    return key_from_seed(ED25519, ids.sha256(f"made up\n{seed}\n{name}".encode()))


def made_up_device(seed: int, name: str) -> str:
    """The device of `made_up_key`."""
    return made_up_key(seed, name).device
