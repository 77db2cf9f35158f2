"""Every bound of the contract, each with its reason."""

from typing import Final

LINE_BYTES_MAX: Final = 16 * 1024
"""One wire line: a full record with notes needs 2 KiB; a phone on a bad network must be able to send one."""

INTEGER_MAX: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly."""

NESTING_MAX: Final = 16
"""Objects and arrays inside each other, in an event or a person: four are in use, and without a bound a reader's own
stack would decide what is malformed."""

CLOCK_ENTRIES_MAX: Final = 64
"""Devices that one clock may name: a voter is seen by a handful; more is an attack on everybody's memory."""

EVENTS_PER_DEVICE_AND_VOTER_MAX: Final = 99
"""What one phone can make everybody refold for one voter."""

ATTEMPTS_MAX: Final = 99
"""The highest `nth` of a `not_met`."""

PUSH_EVENTS_MAX: Final = 1000
"""Events in one push: the broker's bound on one atomic batch."""

PUSH_BYTES_MAX: Final = 900_000
"""Bytes of one push: below the broker's default message limit of 1 MiB, so that a push also fits one request."""

REGISTRY_TPS_MAX: Final = 400
"""Polling places in one `tps_set`: 16 bytes each, so that the line stays far below its bound."""

PUSH_REGISTRY_LINES_MAX: Final = 200
"""Registry lines ahead of a push: each costs a signature to check, and an enrolment brings some ten."""

EVIDENCE_BYTES_PER_DEVICE_MAX: Final = 4 * PUSH_BYTES_MAX
"""Refused pushes kept of one device: two sides of a fork and their sequels; a clone must not fill the disk."""

EVIDENCE_BYTES_MAX: Final = 512 * 1024 * 1024
"""Refused pushes kept in all: 150 devices at their bound."""

JUDGED_MAX: Final = 100_000
"""Answers about devices, officers and TPS that a registry remembers: some 20 MB. A regency needs a few thousand, but
the words asked for are their authors' own."""
