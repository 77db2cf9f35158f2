"""The journal on NATS JetStream (contract §9).

Two streams per election and regency: events, which nobody can delete, and persons, which an erasure can. An
append is one atomic batch into each, both at once; how it is made sure of stands in `jetstream_logs`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import msgspec

from ecoklit.adapters.jetstream_logs import (
    ANSWER_SECONDS_MAX,
    JetStreamLogs,
    Lost,
    Message,
    StoredMessage,
    own_headers,
    payload_of,
)
from ecoklit.core.ids import sha256
from ecoklit.limits import APPENDS_IN_FLIGHT_MAX, APPENDS_WAITING_MAX
from ecoklit.ports import (
    EventMessage,
    Head,
    JournalBusy,
    JournalHole,
    PersonMessage,
    Position,
    Push,
    Stale,
    Stored,
    check_pushes,
)


class JetStreamJournal(JetStreamLogs):
    """The journal of one election and one regency. Keeps the promises of `ecoklit.ports.Journal`."""

    def __init__(
        self, *, url: str, election: str, regency: str, answer_seconds_max: float = ANSWER_SECONDS_MAX
    ) -> None:
        super().__init__(url=url, election=election, regency=regency, answer_seconds_max=answer_seconds_max)
        self._events = f"ECOKLIT-{election}-{regency}"
        self._persons = f"ECOKLIT-{election}-{regency}-persons"
        self._event_prefix = f"ecoklit.{election}.{regency}."
        self._person_prefix = f"ecoklit.{election}.{regency}-persons."
        self._in_flight = asyncio.Semaphore(APPENDS_IN_FLIGHT_MAX)
        self._waiting = 0

    async def _open_streams(self, replicas: int) -> None:
        await self._open_stream(self._events, [self._event_prefix + "*"], replicas, deny_delete=True)
        await self._open_stream(self._persons, [self._person_prefix + "*.*"], replicas, deny_delete=False)

    # --- appending ------------------------------------------------------------------------------------------

    async def append(self, pushes: Sequence[Push]) -> list[Stored | Stale]:
        check_pushes(pushes)
        if self._waiting >= APPENDS_WAITING_MAX:
            raise JournalBusy("The journal has more to write than it can: wait a few seconds, then send this again.")
        self._waiting += 1
        try:
            async with self._in_flight:
                # Both commits at once (contract §9). When one fails, the other is still waited for: nothing
                # of this append is under way any more when the caller hears of it.
                events, persons = await asyncio.gather(
                    self._append_logs(self._events, self._event_prefix, pushes),
                    self._append_persons(pushes),
                    return_exceptions=True,
                )
        finally:
            self._waiting -= 1
        if isinstance(events, BaseException):
            raise events
        if isinstance(persons, BaseException):
            raise persons
        return events

    async def _append_persons(self, pushes: Sequence[Push]) -> None:
        messages: list[Message] = [
            (f"{self._person_prefix}{push.device}.{seq}", payload, {})
            for push in pushes
            for seq, payload in push.persons
        ]
        deadline = self._deadline()
        while messages:
            try:
                await self._commit(messages)
            except Lost as failure:
                held = await self._last_messages(self._persons, [subject for subject, _, _ in messages])
                messages = [message for message in messages if payload_of(held.get(message[0])) != message[1]]
                await self._pause(deadline, failure, skip=not messages)
            else:
                return

    # --- reading --------------------------------------------------------------------------------------------

    async def head(self, device: str) -> Head | None:
        subject = self._event_prefix + device
        message = (await self._last_messages(self._events, [subject])).get(subject)
        if message is None:
            return None
        return Head(_seq_of(message), sha256(message.data), message.seq, message.data, own_headers(message.hdrs))

    async def event(self, device: str, seq: int) -> Head | None:
        head = await self.head(device)
        if head is None or not 1 <= seq <= head.seq:
            return None
        # A device's seq rises with the stream's sequence and has no gap, so it is found by bisection. The first guess
        # is that no other device came between it and the head: so it is within the last push.
        low, high = seq, head.sequence - (head.seq - seq)
        middle = high
        while low <= high:
            message = await self._message(self._events, {"seq": middle, "next_by_subj": self._event_prefix + device})
            found = head.seq + 1 if message is None else _seq_of(message)
            if message is not None and found == seq:
                return Head(seq, sha256(message.data), message.seq, message.data)
            if message is None or found > seq:
                high = middle - 1
            else:
                low = message.seq + 1
            middle = (low + high) // 2
        return None

    async def persons_held(self, device: str, persons: Sequence[tuple[int, bytes]]) -> frozenset[int]:
        subjects = [f"{self._person_prefix}{device}.{seq}" for seq, _ in persons]
        held = await self._last_messages(self._persons, subjects)
        return frozenset(
            seq
            for (seq, payload), subject in zip(persons, subjects, strict=True)
            if payload_of(held.get(subject)) == payload
        )

    async def persons_at(self, dots: Collection[tuple[str, int]]) -> list[int]:
        """The stream sequences of every stored copy of the persons of these events."""
        subjects = [f"{self._person_prefix}{device}.{seq}" for device, seq in dots]
        held = await self._last_messages(self._persons, subjects)
        found: list[int] = []
        for subject, last in held.items():
            found.append(last.seq)
            before = 1  # of one event there may be several: an orphan of a refused push, and the right one
            while message := await self._message(self._persons, {"seq": before, "next_by_subj": subject}):
                if message.seq >= last.seq:
                    break
                found.append(message.seq)
                before = message.seq + 1
        return sorted(found)

    async def read_events(self, after: int, limit: int) -> list[EventMessage]:
        prefix_length = len(self._event_prefix)
        return [
            EventMessage(sequence, subject[prefix_length:], payload, own_headers(headers))
            for sequence, subject, payload, headers in await self._read_gapless(self._events, after, limit)
        ]

    async def read_persons(self, after: int, limit: int) -> list[PersonMessage]:
        if limit < 1:
            return []
        prefix_length = len(self._person_prefix)
        read: list[PersonMessage] = []
        for sequence, subject, payload, _ in await self._read(self._persons, after, limit):
            device, _, seq = subject[prefix_length:].partition(".")
            read.append(PersonMessage(sequence, device, int(seq), payload))
        return read

    async def last(self) -> Position:
        events, persons = await asyncio.gather(self._stream(self._events), self._stream(self._persons))
        return Position(events.state.last_seq, persons.state.last_seq)


class _Seq(msgspec.Struct):
    seq: int


def _seq_of(message: StoredMessage) -> int:
    try:
        return msgspec.json.decode(message.data, type=_Seq).seq
    except msgspec.DecodeError:
        # The broker gives a message as it is that has a bit flipped in what says whether it has headers.
        raise JournalHole(
            f"What the broker gives at {message.seq} of {message.subject} is no event: run `ecoklit inspect`.",
            message.seq,
        ) from None
