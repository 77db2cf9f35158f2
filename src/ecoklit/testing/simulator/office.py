"""The office of the regency: it says who may do what, keeps every line that it ever signed, and shows them again."""

from __future__ import annotations

from typing import Any, Final

from ecoklit.core import push_file
from ecoklit.core.admission import Refused
from ecoklit.core.limits import PUSH_REGISTRY_LINES_MAX
from ecoklit.core.registry_event import RegistryLog, SignedRegistry
from ecoklit.core.signing import Key
from ecoklit.errors import EcoklitError
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.simulator.road import Road
from ecoklit.testing.simulator.site import ELECTION, REGENCY

AT: Final = "2024-06-20T08:00:00+09:00"


class Office:
    """Whoever has the root key. `lines` are on its own disk, whatever becomes of the service."""

    def __init__(self, seed: int, road: Road, places: list[str]) -> None:
        self.root = made_up_key(seed, "root")
        self.service = made_up_key(seed, "service")
        self.road = road
        self.lines: list[SignedRegistry] = []
        self._log = RegistryLog(self.root, election=ELECTION, regency=REGENCY, officer="kpu", role="kpu")
        self.say("election_opened", root=self.root.public, services=[self.service.public])
        self.say("tps_set", tps=sorted(places))

    def say(self, type: str, **own: Any) -> SignedRegistry:
        self.lines.append(self._log.append(type, at=AT, **own))
        return self.lines[-1]

    def enrol(self, key: Key, officer: str, role: str, area: str) -> None:
        """Let a phone in, and give its holder a right with it."""
        self.say("device_enrolled", enrolled=key.device, holder=officer, key=key.public)
        self.assign(key.device, officer, role, area)

    def assign(self, device: str, officer: str, role: str, area: str) -> None:
        self.say("assigned", area=area, officer_assigned=officer, role_assigned=role, to_device=device)

    def file(self) -> bytes:
        """What a phone is given: every line of the registry."""
        return b"".join(one.line + b"\n" for one in self.lines)

    def sync(self) -> str:
        """Show the service every line again; what was held already is no error."""
        for start in range(0, len(self.lines), PUSH_REGISTRY_LINES_MAX):
            some = [one.line for one in self.lines[start : start + PUSH_REGISTRY_LINES_MAX]]
            try:
                self.road.push(push_file.write_push((), None, registry=some))
            except Refused as refused:
                return f"refused as {refused.code}"
            except EcoklitError as error:
                return error.code
        return "held"
