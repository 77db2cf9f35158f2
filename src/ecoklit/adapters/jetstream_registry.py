"""The registry's journal on NATS JetStream (SPEC §8.1): one stream, one subject for each device, nothing is deleted."""

from __future__ import annotations

from collections.abc import Sequence

from ecoklit.adapters.jetstream_logs import ANSWER_SECONDS_MAX, JetStreamLogs
from ecoklit.core.registry_event import read_line
from ecoklit.ports import Push, RegistryHead, RegistryMessage, Stale, Stored, check_pushes


class JetStreamRegistry(JetStreamLogs):
    """The registry of one election and one regency. Keeps the promises of `ecoklit.ports.RegistryJournal`."""

    def __init__(
        self, *, url: str, election: str, regency: str, answer_seconds_max: float = ANSWER_SECONDS_MAX
    ) -> None:
        super().__init__(url=url, election=election, regency=regency, answer_seconds_max=answer_seconds_max)
        self._stream_name = f"ECOKLIT-{election}-{regency}-registry"
        self._prefix = f"ecoklit.{election}.{regency}-registry."

    async def _open_streams(self, replicas: int) -> None:
        await self._open_stream(self._stream_name, [self._prefix + "*"], replicas, deny_delete=True)

    async def append(self, device: str, after: int, lines: Sequence[bytes]) -> Stored | Stale:
        pushes = [Push(device, after, tuple(lines))]
        check_pushes(pushes)
        return (await self._append_logs(self._stream_name, self._prefix, pushes))[0]

    async def head(self, device: str) -> RegistryHead | None:
        subject = self._prefix + device
        message = (await self._last_messages(self._stream_name, [subject])).get(subject)
        if message is None:
            return None
        signed = read_line(message.data)
        return RegistryHead(signed.seq, signed.hash, message.seq)

    async def read(self, after: int, limit: int) -> list[RegistryMessage]:
        return [
            RegistryMessage(sequence, subject[len(self._prefix) :], payload)
            for sequence, subject, payload, _ in await self._read_gapless(self._stream_name, after, limit)
        ]

    async def last(self) -> int:
        return (await self._stream(self._stream_name)).state.last_seq
