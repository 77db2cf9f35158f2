"""The published data that the package carries: `events/` and `projections/`, in a wheel or in a checkout."""

import os
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ecoklit.core.codebook import Codebook, parse_codebook
from ecoklit.core.policy import Policy, parse_policy
from ecoklit.errors import EcoklitError


def data_path(room: str, *names: str) -> Traversable:
    """The file or folder below `events` or `projections`; EcoklitError when the installation lacks it."""
    for root in (files("ecoklit") / "_data", Path(__file__).parents[2]):
        found = root.joinpath(room, *names)
        if found.is_file() or found.is_dir():
            return found
    raise EcoklitError("bad_installation", f"{os.path.join(room, *names)} is missing; install ecoklit again")


@cache
def policies() -> dict[str, Policy]:
    """The policies that the package ships, by name."""
    shipped = (
        parse_policy(entry.read_bytes())
        for entry in sorted(data_path("events", "policies").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".json")
    )
    return {policy.name: policy for policy in shipped}


def codebook(name: str) -> Codebook:
    """The code book of an election, by its year. Raises EcoklitError bad_argument, which names those that there are."""
    books = {entry.name.removesuffix(".json"): entry for entry in data_path("events", "codebooks").iterdir()}
    if name not in books:
        known = ", ".join(sorted(book for book in books if book.isdigit()))
        raise EcoklitError("bad_argument", f"There is no such code book: give one of {known}.")
    return parse_codebook(books[name].read_bytes())
