"""Every rate and every size that the service keeps to, over both doors, each with its reason.

The contract's own bounds, which phones keep to as well, stand in core/limits.py. A phone is told when to come again, so
a limit costs nobody an event: it decides who waits when all return at once.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Rate(NamedTuple):
    """A token bucket: `burst` at once, then `per_second`."""

    burst: float
    per_second: float


# --- who comes in, over either door ----------------------------------------------------------------------------------

PUSHES_PER_DEVICE: Final = Rate(burst=600, per_second=5)
"""A month of a phone's work is some ten pushes; an office lists a whole regency in 250 of a thousand events each. Only
pushes that were receipted are charged, so nobody can use up the rate of somebody else's device."""

REQUESTS_PER_CALLER: Final = Rate(burst=6000, per_second=200)
"""All 811 phones of a regency may stand behind one address of a mobile carrier, and come back in the same minute with
some five requests each. Over NATS the caller is the device that the broker let in: it has a rate of its own."""

BYTES_PER_CALLER: Final = Rate(burst=256 * 1024 * 1024, per_second=8 * 1024 * 1024)
"""As they come, compressed. A week of outage of a regency is some 100 MB uncompressed; the rest is a flood."""

BUCKETS_MAX: Final = 50_000
"""Devices, and callers, that are remembered at once: some 10 MB. The longest unseen are forgotten first."""

REQUESTS_IN_FLIGHT_MAX: Final = 512
"""Pushes being read, judged and stored at once, of both doors together: several group commits are full, and all their
bodies fit in 450 MiB."""

IN_FLIGHT_PER_ADDRESS_MAX: Final = 128
"""Of these: one address that sends its bodies slowly leaves room for all others."""

IN_FLIGHT_PER_DEVICE_MAX: Final = 4
"""Of one device over NATS: it has one log, which is stored in order, and whoever carries others' logs needs no more."""

CALLER_CHARACTERS_MAX: Final = 64
"""Of a caller's name as a proxy gives it, where it is no address: so much of it is remembered."""

BYTES_IN_FLIGHT_MAX: Final = 64 * 1024 * 1024
"""Of all bodies that came over NATS, as they came: they are in memory before anybody looks at them. That is 71 of the
largest pushes, or 512 of 128 KB."""

BODY_SECONDS_MAX: Final = 60.0
"""How long a body may take to arrive by HTTP: 900 KB at 15 kB/s. A slower phone sends smaller pushes."""

ZSTD_WINDOW_LOG_MAX: Final = 23
"""8 MiB: what RFC 8878 asks every decoder to support, and all that a stranger can make us reserve."""

RETRY_SECONDS: Final = 5
"""What a phone is told to wait for a part that is away: several times what a broker's restart takes."""

RETRY_SECONDS_MAX: Final = 600
"""The longest that anybody is told to wait."""

TURNS_PER_SECOND_MIN: Final = 100.0
"""How many of those who wait are asked to come again in a second when all places are taken and hardly any becomes
free: a broker that was away for a while comes back to phones that do not wait for ten minutes."""

CONNECTIONS_MAX: Final = 16_384
"""Open at once by HTTP, most of them idle phones that keep theirs (2 KiB each); more wait in the backlog."""

BACKLOG_CONNECTIONS_MAX: Final = 1024
"""That wait to be let in: a second of a regency's phones that all come back at once."""

SUBSCRIPTIONS_PER_DEVICE_MAX: Final = 8
"""Of a device at the broker: a client library needs one, for its answers."""

PAYLOAD_BYTES_MAX: Final = 2 * 1024 * 1024
"""Of one message at the broker of `up`: a push of 900 KB as one request, and its headers."""

# --- people who sign in ----------------------------------------------------------------------------------------------

ATTEMPTS_PER_ADDRESS: Final = Rate(burst=30, per_second=0.5)
"""To sign in: each takes 0.1 s of a core and 64 MiB. An office's people may share an address, and all come at eight."""

READINGS_PER_ACCOUNT: Final = Rate(burst=600, per_second=20)
"""Requests of a signed-in account: a program that goes through a regency's TPS is not slowed down, a flood is."""

LOT: Final = 20
"""Readings that a process takes from an account's shared bucket at once, so that one request in twenty writes to it."""

FAILURES_PER_LOGIN_AND_ADDRESS: Final = 5
"""Then that login waits at that address, and nowhere else: who knows a login cannot keep its officer out."""

FAILURES_PER_ADDRESS: Final = 50
"""Of all logins together: ten people of an office who forgot theirs in the same quarter of an hour."""

FAILURES_PER_LOGIN: Final = 100
"""From everywhere together (NIST SP 800-63B-4, 3.2.2): whoever guesses from many addresses."""

LOCK_SECONDS: Final = 15 * 60
"""How long such a lock lasts, and how long failures are remembered: twenty guesses of a password an hour from one
address. Of whoever has the password already, each guesses the code with 3 in 1,000,000."""

SIGN_IN_CHARACTERS_MAX: Final = 256
"""Of a login, a code or a token: so much of it is looked at."""

SESSION_IDLE_SECONDS_MAX: Final = 15 * 60
"""A screen that was left open is somebody else's after that."""

SESSION_SECONDS_MAX: Final = 12 * 3600
"""A working day, whatever happens."""

SESSIONS_PER_ACCOUNT_MAX: Final = 10
"""Open at once: a browser or two, and some programs. With one more the oldest ends: whoever it was signs in again, and
tokens that nobody remembers do not pile up."""

# --- what waits for the journal --------------------------------------------------------------------------------------

WAITING_EVENTS_MAX: Final = 20_000
"""Events that wait for their group commit: at most 320 MiB, in practice 12; less than a second's work."""

GROUP_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of one group commit: a group of large pushes must not keep the small ones waiting for long."""

HEADS_MAX: Final = 20_000
"""Devices whose last event is remembered between their pushes: some 20 MB; the longest unseen are forgotten first."""

APPENDS_IN_FLIGHT_MAX: Final = 16
"""Batches under way at the broker, which has room for 50 of a stream: other gateways want some of it."""

APPENDS_WAITING_MAX: Final = 256
"""Appends that wait for one of these."""

ROLL_WAITS_PUSHES_MIN: Final = 16
"""Pushes in flight at which the roll waits for the door: they wait for each other then. At 2,000 events/s in pushes of
ten there are five."""

ROLL_WAITS_SECONDS_MAX: Final = 2.0
"""How long the roll waits for a full door before it takes a turn: it trails, and never stands."""

ROLL_TURN_SECONDS: Final = 0.25
"""How long its turn is: one batch or two."""

# --- what is answered ------------------------------------------------------------------------------------------------

STANDINGS_MAX: Final = 1000
"""Events that one receipt names as not counted, the oldest first (SPEC §7.9): a pull names them all."""

STANDINGS_AT_ONCE_MAX: Final = 8
"""Look-ups for receipts in the projection at one time: that a log is held is worth more than how it stands."""

KEPT_PAGES_BYTES_MAX: Final = 64 * 1024 * 1024
"""Pages of lists that are kept for the next who ask: some 300 lists of a TPS, as JSON."""

PAGE_VOTERS_MAX: Final = 200
"""Voters on one page of a pull: some 200 KB, so that a bad network repeats little."""

REGISTRY_PAGE_LINES_MAX: Final = 1000
"""Registry lines in one answer: some 700 KB."""
