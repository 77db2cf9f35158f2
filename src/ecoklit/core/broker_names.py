"""The names that a push and a pull over NATS go by (events/asyncapi.yaml)."""

from typing import Final

PUSH_PREFIX: Final = "ecoklit.push."
PULL_PREFIX: Final = "ecoklit.pull."
REGISTRY_PREFIX: Final = "ecoklit.registry."


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
