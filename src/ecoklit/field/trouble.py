"""What can go wrong on a phone. Nothing that was saved is lost by any of it."""

from __future__ import annotations

from ecoklit.errors import EcoklitError


class PhoneFault(EcoklitError):
    """The phone's store cannot be used as it is; what is in it stayed as it was.

    Codes: no_phone, phone_in_use, phone_newer, phone_damaged, phone_not_written.
    """


class NotSaid(EcoklitError):
    """An entry was not made, and nothing was changed.

    Codes: not_enrolled, unknown_voter, ambiguous_voter, no_tps, bad_entry, bad_key, would_not_count, not_undone.
    """


class Stuck(EcoklitError):
    """The service will not take this phone's log as it is, however often it is sent; the entries are kept.

    `code` says why: equivocation, overtaken, unknown_device, bad_signature, broken_chain, malformed.
    """


class Away(EcoklitError):
    """No answer came, or not the whole of it. What was sent may have arrived: it is sent again, and never doubled."""

    def __init__(self, message: str) -> None:
        super().__init__("service_unavailable", message)


class TryLater(EcoklitError):
    """The service asks to be left alone for `seconds`."""

    def __init__(self, code: str, message: str, seconds: float) -> None:
        super().__init__(code, message)
        self.seconds = seconds


class WrongService(EcoklitError):
    """Whoever answers at this address is not this election's service; nothing was marked as sent."""

    def __init__(self, message: str) -> None:
        super().__init__("wrong_service", message)


class NotEntitled(EcoklitError):
    """The service gives this phone no voters of that TPS."""

    def __init__(self, message: str) -> None:
        super().__init__("not_entitled", message)
