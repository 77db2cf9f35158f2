"""`ecoklit lists`: an office fetches the whole history of a TPS, signed for page by page."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ecoklit.cli import lists
from ecoklit.core.signing import PublicKey, pull_message
from ecoklit.errors import EcoklitError
from ecoklit.field.transport import Ask, NonceNeeded
from ecoklit.testing.made_up_keys import made_up_key

LINES = (Path(__file__).parents[2] / "laws/examples/plain.ndjson").read_bytes().splitlines()[:3]
ELECTION = json.loads(LINES[0])["event"]["election"]
TPS = "9404012001001"
KEY = made_up_key(4, "pps")


class Service:
    """A transport with one event on a page; it takes each of its nonces once, and checks every signature."""

    def __init__(self, key: PublicKey, stubborn: bool = False) -> None:
        self.key = key
        self.stubborn = stubborn
        self.nonce = ""
        self.given = 0

    def pull(self, ask: Ask) -> bytes:
        if self.stubborn or ask.nonce != f"nonce-{self.given}":
            self.given += 1
            raise NonceNeeded(f"nonce-{self.given}")
        assert self.key.verifies(pull_message(ELECTION, ask.device, ask.nonce, ask.tps, ask.cursor), ask.signature)
        at = int(ask.cursor or 0)
        self.given += 1
        page = {"page": {"cursor": str(at + 1), "more": at + 1 < len(LINES)}}
        return LINES[at] + b"\n" + json.dumps(page).encode() + b"\n"

    def push(self, body: bytes) -> bytes:
        raise AssertionError

    def registry(self, after: int) -> bytes:
        raise AssertionError


def test_every_page_is_fetched() -> None:
    """All pages come, in order, each asked for with a fresh nonce and a signature over it."""
    assert lists.fetch(Service(KEY.public), KEY, ELECTION, TPS) == LINES


def test_a_service_that_takes_no_nonce_is_left_alone() -> None:
    """A service that refuses its own nonces is given up after a few tries, by name."""
    service = Service(KEY.public, stubborn=True)
    with pytest.raises(EcoklitError, match="nonces") as caught:
        lists.fetch(service, KEY, ELECTION, TPS)
    assert caught.value.code == "service_unavailable"
    assert service.given == lists.NONCES_MAX


def test_a_list_is_replaced_whole(tmp_path: Path) -> None:
    """A list is kept for its owner alone, and fetching it again replaces it."""
    file = tmp_path / "lists" / f"{TPS}.ndjson"
    lists.write_anew(file, LINES)
    lists.write_anew(file, LINES[:1])
    assert file.read_bytes() == LINES[0] + b"\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
