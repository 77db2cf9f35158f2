"""A device's way into an election: what it was given is held against the root key first (SPEC §8.5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ecoklit.core.enrolment import Terms
from ecoklit.core.event import Malformed
from ecoklit.core.registry import Registry, RegistryFault, fold_registry
from ecoklit.core.registry_event import SignedRegistry, read_line
from ecoklit.errors import EcoklitError


class NotJoined(EcoklitError):
    """Nobody was enrolled. Codes: bad_registry, other_root, unknown_code, used_code, revoked_code."""


def read_lines(lines: Iterable[bytes]) -> list[SignedRegistry]:
    """Registry lines, read; a line that is none is named. Raises NotJoined bad_registry."""
    read = []
    for number, line in enumerate(lines, 1):
        try:
            read.append(read_line(line))
        except Malformed as error:
            raise NotJoined("bad_registry", f"Registry line {number}: {error}; get the whole file again.") from None
    return read


def registry_of(lines: Sequence[SignedRegistry], root: str | None) -> Registry:
    """The registry that the lines give, under the root key `root` if that is known. Raises NotJoined."""
    if not lines:
        raise NotJoined(
            "bad_registry", "The registry is empty: the election is not open yet ('ecoklit init' opens it)."
        )
    numbered = enumerate((line.line for line in lines), 1)
    try:
        registry = fold_registry(lines[0].election, lines[0].regency, numbered)
    except RegistryFault as error:
        raise NotJoined("bad_registry", f"That is no registry of an election: {error}.") from None
    if root is not None and registry.root_device != root:
        raise NotJoined(
            "other_root",
            f"The registry is under the root key {registry.root_device}, not {root}: whoever gave it is not the "
            "election's service. Ask the office for the address and the root's id again.",
        )
    return registry


def demand_terms(registry: Registry, voucher: str) -> Terms:
    """What the code of `voucher` gives. Raises NotJoined unknown_code, used_code, revoked_code."""
    found = registry.vouchers.get(voucher)
    if found is None:
        raise NotJoined(
            "unknown_code",
            f"The registry of {registry.election} in {registry.regency} knows no such code: compare it, or wait "
            "until the office that made it has a network.",
        )
    if registry.is_revoked(voucher):
        raise NotJoined("revoked_code", "The office took this code back: ask for a new one.")
    if found.used_by is not None:
        raise NotJoined(
            "used_code",
            f"The code was used by the device {found.used_by}: if that is none of {found.officer}'s, tell the "
            "office at once, which revokes it; and ask for a new code.",
        )
    return Terms(found.officer, found.role, found.area, found.until)
