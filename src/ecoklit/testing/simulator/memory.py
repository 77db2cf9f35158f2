"""A memory for what always comes out the same: thousands of worlds ask the same signatures and lines again and again.

Only pure functions of immutable values are remembered, so that a world is the same with and without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final
from unittest.mock import patch

from ecoklit.core import enrolment, ids, registry_event, signing
from ecoklit.core.signing import key_from_seed
from ecoklit.field import outbox

REMEMBERED_MAX: Final = 20_000

_hold = lru_cache(REMEMBERED_MAX)(registry_event.hold)
_verifies = lru_cache(REMEMBERED_MAX)(signing.PublicKey.verifies)
_key_from_seed = lru_cache(REMEMBERED_MAX)(key_from_seed)
_device_id = lru_cache(REMEMBERED_MAX)(ids.device_id)
_voucher_key = lru_cache(REMEMBERED_MAX)(enrolment.voucher_key)


@contextmanager
def remembering() -> Iterator[None]:
    """Within it, what was asked once is remembered."""
    with (
        patch.object(registry_event, "hold", _hold),
        patch.object(signing.PublicKey, "verifies", lambda key, message, signature: _verifies(key, message, signature)),
        patch.object(ids, "device_id", _device_id),
        patch.object(enrolment, "voucher_key", _voucher_key),
        patch.object(outbox, "key_from_seed", _key_from_seed),
    ):
        yield
