"""Every rate and size of the HTTP service, each with its reason. The contract's own bounds stand in core/limits.py.

A phone is told when to come again, so a rate costs nobody an event: it decides who waits when all return at once.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Rate(NamedTuple):
    """A token bucket: `burst` at once, then `per_second`."""

    burst: float
    per_second: float


PUSHES_PER_DEVICE: Final = Rate(burst=600, per_second=5)
"""A month of a phone's work is some ten pushes; an office lists a whole regency in 250 of a thousand events each. Only
pushes that were receipted are charged, so nobody can use up the rate of somebody else's device."""

REQUESTS_PER_ADDRESS: Final = Rate(burst=6000, per_second=200)
"""All 811 phones of a regency may stand behind one address of a mobile carrier, and come back in the same minute with
some five requests each."""

BYTES_PER_ADDRESS: Final = Rate(burst=256 * 1024 * 1024, per_second=8 * 1024 * 1024)
"""As they come, compressed. A week of outage of a regency is some 100 MB uncompressed; the rest is a flood."""

BUCKETS_MAX: Final = 50_000
"""Devices, and addresses, that are remembered at once: some 10 MB. The longest unseen are forgotten first."""

REQUESTS_IN_FLIGHT_MAX: Final = 512
"""Pushes being read, judged and stored at once: several group commits are full, and all their bodies fit in 450 MiB."""

IN_FLIGHT_PER_ADDRESS_MAX: Final = 128
"""Of these: one address that sends its bodies slowly leaves room for all others."""

BODY_SECONDS_MAX: Final = 60.0
"""How long a body may take to arrive: 900 KB at 15 kB/s. A slower phone sends smaller pushes."""

ZSTD_WINDOW_LOG_MAX: Final = 23
"""8 MiB: what RFC 8878 asks every decoder to support, and all that a stranger can make us reserve."""

REGISTRY_PAGE_LINES_MAX: Final = 1000
"""Registry lines in one answer: some 700 KB."""

RETRY_SECONDS: Final = 5
"""What a phone is told to wait for a part that is away: several times what a broker's restart takes."""

RETRY_SECONDS_MAX: Final = 600
"""The longest that anybody is told to wait."""
