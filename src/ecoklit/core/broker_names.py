"""The names that a push over NATS goes by (events/asyncapi.yaml)."""

from typing import Final

PUSH_PREFIX: Final = "ecoklit.push."


def push_subject(device: str) -> str:
    """Where `device` pushes, whoever's log it carries."""
    return PUSH_PREFIX + device


def inbox_of(user: str) -> str:
    """The only prefix of subjects under which `user` may receive answers; its client must be told it."""
    return f"_INBOX_{user}"
