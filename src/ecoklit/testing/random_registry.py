"""Random registries of one regency: offices within and beyond their rights, and everything that changes what counts.

Everything follows from the seed and from whom the history names.
"""

from __future__ import annotations

import random
from typing import Any, Final

from ecoklit.core import ids
from ecoklit.core.head import sign_head
from ecoklit.core.registry_event import RegistryLog, SignedRegistry
from ecoklit.core.signing import Key, PublicKey, key_from_seed
from ecoklit.ports import RegistryJournal, Stored
from ecoklit.testing.random_history import AT, ELECTION, REGENCY, RandomHistory

_AREAS: Final = ("9404", "940401", "940402", "9404012001", "9404012002", "9404012001001", "9404012001002")
_ROLES: Final = {4: "kpu", 6: "ppk", 10: "pps", 13: "pantarlih"}


class RandomRegistry:
    """`next_line` is the next event of a log of the root, of an office or of the service."""

    def __init__(self, seed: int | random.Random, history: RandomHistory) -> None:
        self._random = seed if isinstance(seed, random.Random) else random.Random(seed)
        self._history = history
        self._root, self._service, self._village = (self._key() for _ in range(3))
        self._logs = {
            key.device: RegistryLog(key, election=ELECTION, regency=REGENCY, officer=officer, role=role)  # type: ignore[arg-type]
            for key, officer, role in (
                (self._root, "root", "kpu"),
                (self._service, "service", "kpu"),
                (self._village, "rahma", "pps"),
            )
        }
        self._opening = [
            ("election_opened", {"root": self._root.public, "services": [self._service.public]}),
            ("device_enrolled", _enrolled(self._village.public, "rahma")),
            ("assigned", {"officer_assigned": "rahma", "role_assigned": "pps", "area": "9404012001"}),
        ]
        self._todo = [
            (kind, own)
            for name, raw in history.keys.items()
            for kind, own in (
                ("device_enrolled", _enrolled(PublicKey("ed25519", ids.to_base64url(raw)), "o-" + name[:4])),
                ("assigned", self._right_of(name)),
            )
        ]

    def next_line(self) -> SignedRegistry:
        if self._opening:
            kind, own = self._opening.pop(0)
            return self._logs[self._root.device].append(kind, at=AT, **own)
        if self._todo and self._random.random() < 0.7:
            kind, own = self._todo.pop(self._random.randrange(min(3, len(self._todo))))
            return self._logs[self._root.device].append(kind, at=AT, **own)
        kind, own = self._random.choice(
            [self._window, self._policy, self._tps, self._revoked, self._readmitted, self._cloned, self._lost,
             self._assigned, self._tps, self._revoked_area, self._readmitted]
        )()  # fmt: skip
        author = self._service if kind == "cloned" else self._random.choice([self._root, self._root, self._village])
        return self._logs[author.device].append(kind, at=AT, **own)

    def erased(self, voter: str | None) -> SignedRegistry:
        """An erasure by the root: of a voter, or of everybody."""
        whom = {} if voter is None else {"voter": voter}
        order = ids.to_base64url(self._random.randbytes(32))
        return self._logs[self._root.device].append("erased", at=AT, order=order, **whom)

    def _key(self) -> Key:
        return key_from_seed("ed25519", self._random.randbytes(32))

    def _device(self) -> str:
        return self._random.choice(list(self._history.keys))

    def _right_of(self, device: str) -> dict[str, Any]:
        roles = {one.officer: one.role for one in self._events() if one.device == device}
        for officer, role in roles.items():
            digits = {role: digits for digits, role in _ROLES.items()}[role]
            area = self._random.choice([area for area in _AREAS if len(area) == digits])
            return {"officer_assigned": officer, "role_assigned": role, "area": area}
        return {"officer_assigned": "o-" + device[:4], "role_assigned": "pantarlih", "area": "9404012001001"}

    def _events(self) -> list[Any]:
        return [held.event for held in self._history.held if held.event is not None]

    # --- what changes what counts ------------------------------------------------------------------------------------

    def _assigned(self) -> tuple[str, dict[str, Any]]:
        if self._random.random() < 0.3:
            area = self._random.choice(_AREAS)
            operator = {"officer_assigned": "typist", "role_assigned": "operator", "area": area}
            return "assigned", operator | {"to_device": self._device()}
        return "assigned", self._right_of(self._device())

    def _window(self) -> tuple[str, dict[str, Any]]:
        kind = self._random.choice(["window_closed", "window_closed", "window_opened", "window_extended"])
        return kind, {"area": self._random.choice(_AREAS)}

    def _policy(self) -> tuple[str, dict[str, Any]]:
        return "policy_set", {"policy": self._random.choice(["2024-1", "2024-1", "2029-1"]), "area": self._area()}

    def _area(self) -> str:
        return self._random.choice(_AREAS)

    def _tps(self) -> tuple[str, dict[str, Any]]:
        known = ["9404012001001", "9404012001002", "9404012001003", "9404012002001", "9404021001001"]
        return "tps_set", {"tps": sorted(self._random.sample(known, self._random.randint(2, 5)))}

    def _revoked(self) -> tuple[str, dict[str, Any]]:
        return "revoked", {"revoked": self._device(), "from_seq": self._random.randint(2, 14)}

    def _revoked_area(self) -> tuple[str, dict[str, Any]]:
        return "revoked", {"revoked": self._device(), "from_seq": self._random.randint(1, 9), "area": self._area()}

    def _readmitted(self) -> tuple[str, dict[str, Any]]:
        chosen: list[dict[str, Any]] = [
            {"of_device": self._device()},
            {"of_officer": "o-" + self._device()[:4]},
            {"of_tps": "9404012001001"},
            {"since": "2024-06-20", "until": "2024-06-26"},
            {"events": sorted(ids.to_base64url(one.hash) for one in self._random.sample(self._history.held, 5))},
        ]
        return "readmitted", self._random.choice(chosen)

    def _cloned(self) -> tuple[str, dict[str, Any]]:
        held, other = (ids.to_base64url(self._random.randbytes(32)) for _ in range(2))
        device = self._device()
        head = sign_head(self._service, ELECTION, 5, self._random.randbytes(32))
        proof = {"device": device, "hash": head.hash, "seq": 5, "signature": head.signature}
        return "cloned", {"cloned": device, "at_seq": 3, "held": held, "other": other, "head": proof}

    def _lost(self) -> tuple[str, dict[str, Any]]:
        return "dots_lost", {"lost": self._device(), "after": self._random.randint(0, 12)}


def _enrolled(key: PublicKey, holder: str) -> dict[str, Any]:
    return {"enrolled": key.device, "key": key, "holder": holder}


async def append_line(journal: RegistryJournal, line: SignedRegistry) -> int:
    """Put the line at the end of its log; its position."""
    head = await journal.head(line.device)
    outcome = await journal.append(line.device, head.sequence if head else 0, [line.line])
    assert isinstance(outcome, Stored), f"{line.device}:{line.seq}"
    return outcome.last
