"""What binds each entry of the read log to the one before it, so that none can be changed or taken out unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from ecoklit.core import canonical

_DOMAIN: Final = b"ecoklit-read-v1\n"


def entry_hash(prev: bytes, said: Mapping[str, Any]) -> bytes:
    """SHA-256 over the hash of the entry before (32 zero bytes before the first) and what this one says, canonical."""
    return hashlib.sha256(_DOMAIN + prev + canonical.encode(dict(said))).digest()
