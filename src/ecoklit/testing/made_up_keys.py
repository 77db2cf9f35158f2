"""Keys of made-up devices: anybody can make them again from their names, so they guard nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ecoklit.core import ids
from ecoklit.core.signing import ED25519, Key, key_from_seed

_BY_DEVICE: Final[dict[str, Key]] = {}


@lru_cache(maxsize=4096)  # a day has a thousand phones, and the public half costs a multiplication
def made_up_key(seed: int, name: str) -> Key:
    """The key of a made-up device: the same for one seed and name."""
    key = key_from_seed(ED25519, ids.sha256(f"made up\n{seed}\n{name}".encode()))
    _BY_DEVICE[key.device] = key
    return key


def known_key(device: str) -> Key:
    """The key of a made-up device, once it was made in this process."""
    return _BY_DEVICE[device]


def made_up_device(seed: int, name: str) -> str:
    """The device of `made_up_key`."""
    return made_up_key(seed, name).device
