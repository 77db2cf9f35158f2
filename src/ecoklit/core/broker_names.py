"""The names that a push and a pull over NATS go by (events/asyncapi.yaml)."""

import base64
import binascii
from typing import Final

PUSH_PREFIX: Final = "ecoklit.push."
PULL_PREFIX: Final = "ecoklit.pull."
REGISTRY_PREFIX: Final = "ecoklit.registry."


def servers_of(urls: str) -> list[str]:
    """The servers of one broker: its address, or the addresses of all its nodes with commas between them."""
    return [url for url in urls.split(",") if url]


def push_subject(device: str) -> str:
    """Where `device` pushes, whoever's log it carries."""
    return PUSH_PREFIX + device


def pull_subject(device: str) -> str:
    """Where `device` asks for the voters of a TPS."""
    return PULL_PREFIX + device


def registry_subject(device: str) -> str:
    """Where `device` asks for the registry's lines."""
    return REGISTRY_PREFIX + device


def inbox_of(user: str) -> str:
    """The only prefix of subjects under which `user` may receive answers; its client must be told it."""
    return f"_INBOX_{user}"


def user_nkey(public_key: bytes) -> str:
    """The name that an ed25519 key has as a user of the broker (an nkey): U, 55 characters, its checksum among them."""
    body = bytes([_USER]) + public_key
    checksum = binascii.crc_hqx(body, 0).to_bytes(2, "little")
    return base64.b32encode(body + checksum).decode()


_USER: Final = 20 << 3
