"""Small pushes of made-up voters, for tests of what keeps pushes."""

from __future__ import annotations

from typing import Final

from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.wire import Held
from ecoklit.testing.made_up_keys import made_up_device
from ecoklit.testing.made_up_registry import signed_push

_TPS: Final = "9404022001001"
_AT: Final = "2024-06-25T09:00:00+09:00"


def two_voters() -> tuple[list[Held], bytes]:
    """Two voters that an office lists, and the push of it."""
    log = DeviceLog("pilkada-2024", made_up_device(1, "k"), officer="o", role="kpu", policy="2024-1")
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    held = [log.append("listed", tps=_TPS, at=_AT, source="dp4", person=person) for _ in range(2)]
    return held, signed_push(held)
