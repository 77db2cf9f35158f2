"""The service as its doors see it, and what it asks of others: reads of the broker, standings, evidence."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ecoklit.core.receipt import Stood
from ecoklit.errors import EcoklitError


class ServiceUnavailable(EcoklitError):
    """The service did not answer, or told us to wait. The push may be stored: push it again, it never doubles."""

    def __init__(self, message: str) -> None:
        super().__init__("service_unavailable", message)


class Service(Protocol):
    """The door of the journal. Durable on return. A push that is sent again changes nothing and is receipted again."""

    async def push(self, body: bytes) -> bytes:
        """Take one device's push, NDJSON; the signed receipt, one line (`core.receipt`), without its line break.

        Raises core.admission.Refused, ServiceUnavailable, JournalError.
        """
        ...


class Reads(Protocol):
    """What is asked of the service by requests that are one message each, as over NATS (SPEC §9.8).

    No answer has more than `bytes_max` bytes; what does not fit is asked for next, from where the answer ends.
    """

    def nonce(self) -> str:
        """A fresh nonce, which comes with every answer."""
        ...

    async def pull(self, device: str, body: bytes, bytes_max: int) -> bytes:
        """A page for `device`, as NDJSON. Raises EcoklitError as `Puller.pull`, and Refused too_large."""
        ...

    async def registry(self, body: bytes, bytes_max: int) -> bytes:
        """The registry's next lines. Raises EcoklitError bad_argument, JournalError."""
        ...


class OwnStandings(NamedTuple):
    """A device's events that do not count, as the projection has them at the events position `as_of`."""

    as_of: int
    standings: Sequence[Stood]


class Standings(Protocol):
    """What the projection says of a device's own events, for its receipt."""

    async def of_device(self, device: str, limit: int) -> OwnStandings | None:
        """The device's events that are neither counted nor only without their person, the oldest first.

        At most `limit`. None when the projection is away: it never raises, and a receipt does not wait for it.
        """
        ...


class Evidence(Protocol):
    """Where pushes are kept that their device signed and that fit nothing held: the proof of a clone (SPEC §7.10).

    Each device has a quota, and all of them together: what does not fit is not kept. Losing it loses no event that was
    ever receipted.
    """

    async def keep(self, device: str, body: bytes) -> bool:
        """Keep one refused push of `device`, durably, the same bytes once; whether it is kept. Never raises."""
        ...
