"""Streams of logs on NATS JetStream, as the journal and the registry's journal share them (contract §9).

An append is one atomic batch. The broker checks that every device's log is where its push expects it, and it
does so for the batch as a whole: one stale push refuses all. So after a refusal the heads of all devices in the
batch are read in one request, the stale pushes are settled, and the rest is sent again.

An answer can be lost while what it answers is stored. Then too the heads decide, by comparing bytes: a push
whose last event is its device's head is stored; one whose device has not moved is sent again, and the
broker's check keeps a batch that arrives late after all from being stored twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import urllib.request
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar
from urllib.parse import urlsplit

import msgspec
import nats.aio.client
import nats.errors
import nats.protocol.parser

from ecoklit.adapters.nats_accounts import SERVICE
from ecoklit.core.broker_names import inbox_of, servers_of
from ecoklit.ports import (
    HEADER_PREFIX,
    JournalError,
    JournalFull,
    JournalHole,
    JournalUnavailable,
    JournalUnsafe,
    Push,
    Stale,
    Stored,
)

CONNECT_SECONDS_MAX: Final = 5.0
ANSWER_SECONDS_MAX: Final = 30.0  # of trying, from the first attempt to giving up; a broker restart takes seconds
COMMIT_SECONDS_MAX: Final = 10.0  # for one answer; the broker itself gives up a batch after 10 s
RETRY_PAUSE_SECONDS: Final = 0.1
READ_MESSAGES_MAX: Final = 5000
DIRECT_MESSAGES_MAX: Final = 250
CONSUMER_SECONDS_MAX: Final = 5
READ_BYTES_MAX: Final = 8 * 1024 * 1024  # far below the 64 MiB at which the broker cuts a slow reader off
SUBJECTS_PER_READ_MAX: Final = 250  # times 16 KiB a message: 4 MiB
PAYLOAD_BYTES_MIN: Final = 64 * 1024
UNMOVED_REFUSALS_MAX: Final = 5
SERVER_VERSION_MIN: Final = (2, 12)  # the first with atomic batches

_WRONG_LAST_SEQUENCE: Final = 10071
_NO_MESSAGE: Final = 10037
_NO_STREAM: Final = 10059
_FULL: Final = (10023, 10028, 10047, 10077, 10122)
_TRANSIENT: Final = (10008, 10074, 10076, 10176, 10210)  # not ready, no leader, batch given up, too many batches

_ELECTION = re.compile(r"[a-z0-9_-]{1,32}")
_REGENCY = re.compile(r"[1-9][0-9]{3}")
_SEQUENCE_HEADER: Final = b"\r\nNats-Sequence: "
_SUBJECT_HEADER: Final = b"\r\nNats-Subject: "
_OWN_HEADER: Final = b"\r\n" + HEADER_PREFIX.encode()

_Answer = TypeVar("_Answer")
_ErrorOr = TypeVar("_ErrorOr", bound="_Answered")
Message = tuple[str, bytes, dict[str, str]]  # to be published: subject, payload, headers
Raw = tuple[bytes, bytes]  # as read: headers, payload
Found = tuple[int, str, bytes, bytes]  # sequence, subject, payload, headers

# What a stream must be so that it loses nothing that was acknowledged, and that batches and direct reads work.
_KEEPS_ALL: Final[dict[str, object]] = {
    "retention": "limits",
    "storage": "file",
    "discard": "new",  # a full stream refuses; it never drops its oldest
    "max_msgs": -1,
    "max_msgs_per_subject": -1,
    "max_age": 0,
    "compression": "none",  # contract §9: one flipped bit lost 20,000 compressed messages, one uncompressed
    "deny_purge": True,
    "no_ack": False,
    "sealed": False,
    "allow_rollup_hdrs": False,
    "allow_msg_ttl": False,
    "allow_atomic": True,  # and with it the broker lets no stream answer before it stores (persist_mode)
    "allow_direct": True,
}
_ABSENT: Final = ("mirror", "sources", "subject_transform")


class Lost(Exception):
    """No answer, and none to be expected on this connection: what was asked may have been done."""

    def __init__(self, why: JournalError | None = None) -> None:
        self.why = why


class _NotLetIn(Exception):
    """The broker is there, and wants other credentials."""


class Refused(Exception):
    """The broker checked a batch against its subjects' last sequences and stored nothing of it."""


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Answered(msgspec.Struct, kw_only=True):
    error: _Error | None = None


class _Committed(_Answered):
    seq: int = 0


class StoredMessage(msgspec.Struct):
    subject: str
    seq: int
    data: bytes = b""
    hdrs: bytes = b""


class _MessageAnswer(_Answered):
    message: StoredMessage | None = None


class _StreamState(msgspec.Struct):
    last_seq: int = 0


class _StreamAnswer(_Answered):
    config: dict[str, Any] = {}
    state: _StreamState = msgspec.field(default_factory=_StreamState)


class _JetStreamSettings(msgspec.Struct):
    sync_always: bool = False


class _JetStreamStatus(msgspec.Struct):
    config: _JetStreamSettings | None = None


class _ServerStatus(msgspec.Struct):
    jetstream: _JetStreamStatus = msgspec.field(default_factory=_JetStreamStatus)


class _ServerConnection(msgspec.Struct):
    name: str = ""


class _ServerConnections(msgspec.Struct):
    connections: list[_ServerConnection] = []


class _ConsumerAnswer(_Answered):
    name: str = ""


_Take = Callable[[bytes, bytes, bytes, bytes], None]
"""Takes a message: subject, reply, headers, payload."""


_MESSAGE: Final = re.compile(rb"HMSG (\S+) (\d+) (?:(\S+) )?(\d+) (\d+)\r\n").match


class _Parser(nats.protocol.parser.Parser):
    """nats-py's parser, which moves up the rest of its buffer twice for each message; in a read they come in rows."""

    async def parse(self, data: bytes = b"") -> None:
        if self.nc.short_cuts and self.state == nats.protocol.parser.AWAITING_CONTROL_LINE:
            data = bytes(self.buf) + data if self.buf else data
            taken, is_waiting = self._take(data)
            self.buf, data = bytearray(), data[taken:]
            if is_waiting:
                self.buf.extend(data)
                return
        await super().parse(data)

    def _take(self, data: bytes) -> tuple[int, bool]:
        """Hand out the messages that `data` begins with; how many bytes they were, and whether another is cut short."""
        at = 0
        while (message := _MESSAGE(data, at)) is not None:
            subject, subscription, reply, headers_size, size = message.groups()
            take = self.nc.short_cuts.get(int(subscription))
            if take is None:
                break
            start = message.end()
            end = start + int(size)
            if end + 2 > len(data):
                return at, True
            body = start + int(headers_size)
            take(subject, reply or b"", data[start:body], data[body:end])
            at = end + 2
        return at, False


class _Client(nats.aio.client.Client):
    """nats-py, with a short cut for the messages of a read, and one for those of a batch.

    On its usual way every message read gets a dict of eight headers, an object and a place in a queue: 21 µs of a
    replay's time, of which the short cut leaves 7. And every message sent has its headers looked at letter by letter:
    8 µs, of which one is left.
    """

    def __init__(self) -> None:
        super().__init__()
        self.short_cuts: dict[int, _Take] = {}  # by subscription
        self._ps = _Parser(self)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        take = self.short_cuts.get(sid)
        if take is None:
            await super()._process_msg(sid, subject, reply, data, headers)
        else:
            take(subject, reply, headers, data)

    async def publish_all(self, frames: Sequence[bytes]) -> None:
        """Send messages that are ready as `_frame` makes them, in one piece. Raises nats.errors.Error."""
        if not self.is_connected:
            raise nats.errors.ConnectionClosedError
        self.stats["out_msgs"] += len(frames)
        await self._send_command(b"".join(frames))
        await self._flush_pending()


class JetStreamLogs:
    """A connection to the broker, and what can be done with streams that keep one log for each device."""

    def __init__(
        self, *, url: str, election: str, regency: str, answer_seconds_max: float = ANSWER_SECONDS_MAX
    ) -> None:
        if not _ELECTION.fullmatch(election):
            raise ValueError(f"not the name of an election: {election!r}")
        if not _REGENCY.fullmatch(regency):
            raise ValueError(f"not the code of a regency: {regency!r}")
        self._url = url
        self._answer_seconds_max = answer_seconds_max
        self._client = _Client()
        self._consumes = True
        self._name = f"ecoklit-{secrets.token_hex(8)}"
        self._down: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._credentials: Path | None = None
        self._monitor_url: str | None = None
        self.life = 0
        """Raised whenever the broker was lost from sight: it may come back with an older store."""
        self._verified = False
        self._direct = True  # replicas may answer a direct read from behind; with one there is nobody behind

    # --- opening: refuse what could lose an acknowledged event ----------------------------------------------

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        election: str,
        regency: str,
        monitor_url: str | None = None,
        allow_unsafe: bool = False,
        replicas: int = 1,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        credentials: Path | None = None,
    ) -> Self:
        """Connect, verify, and make the streams when they are not there yet.

        `credentials` is the service's credentials file, for a broker that asks for one.
        `monitor_url` is the broker's monitoring address (http://127.0.0.1:8222): there it is verified that
        the broker fsyncs before it answers, now and after every reconnection. `allow_unsafe` leaves that out.
        Raises JournalUnavailable, JournalUnsafe.
        """
        opened = cls(url=url, election=election, regency=regency, answer_seconds_max=answer_seconds_max)
        opened._credentials = credentials
        opened._monitor_url = None if allow_unsafe else (monitor_url or "")
        try:
            await opened._connect()
            await opened._verify_server()
            await opened._open_streams(replicas)
        except BaseException:
            await opened.close()
            raise
        return opened

    async def _open_streams(self, replicas: int) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Close the connection. What was acknowledged is stored; an append under way ends in JournalUnavailable."""
        self._set_down()
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _connect(self) -> None:
        opening = True

        async def look(error: Exception) -> None:
            # Every failure reaches the caller that it concerns; nats-py would print it as well. It would also ask a
            # broker again that has just said no.
            if opening and "authorization" in str(error).lower():
                raise _NotLetIn

        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                await self._client.connect(
                    servers_of(self._url),
                    name=self._name,
                    user_credentials=None if self._credentials is None else str(self._credentials),
                    inbox_prefix=inbox_of(SERVICE),  # nobody else may listen there
                    error_cb=look,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RETRY_PAUSE_SECONDS,  # type: ignore[arg-type]  # it sleeps for this long
                    ping_interval=5,
                    # A batch and more, so that publishing never waits for the socket in the middle of one.
                    pending_size=64 * 1024 * 1024,
                    skip_subject_validation=True,  # their parts are checked, once per push
                )
        except _NotLetIn:
            raise JournalError(
                "broker_refused",
                f"The broker at {_shown(self._url)} does not let this service in: set ECOKLIT_NATS_CREDS to the "
                "credentials file that it has issued.",
            ) from None
        except (TimeoutError, OSError, nats.errors.Error):
            raise JournalUnavailable(
                f"No broker answers at {_shown(self._url)}: start it, or mend the address."
            ) from None
        opening = False

    async def _on_disconnected(self) -> None:
        self.life += 1
        self._verified = False
        self._set_down()

    async def _on_reconnected(self) -> None:
        if self._down.done():
            self._down = asyncio.get_running_loop().create_future()

    def _set_down(self) -> None:
        if not self._down.done():
            self._down.set_result(None)

    async def _verify_server(self) -> None:
        version = self._client.connected_server_version
        if (version.major, version.minor) < SERVER_VERSION_MIN:
            raise JournalUnsafe(
                f"The broker is nats-server {version.major}.{version.minor}, which has no atomic batches: "
                "install 2.12 or newer."
            )
        if self._client.max_payload < PAYLOAD_BYTES_MIN:
            raise JournalUnsafe(
                f"The broker takes only {self._client.max_payload} bytes a message: raise its max_payload."
            )
        if self._monitor_url is not None:
            await self._verify_fsync(self._monitor_url)
        self._verified = True

    async def _verify_fsync(self, monitor_url: str) -> None:
        override = "or allow an unsafe journal if losing acknowledged events in a power cut is acceptable"
        if not monitor_url:
            raise JournalUnsafe(
                f"Whether the broker fsyncs cannot be seen: give the address of its monitoring port, {override}."
            )
        nodes = [node for node in await asyncio.gather(*map(self._node, servers_of(monitor_url))) if node is not None]
        if not nodes:
            raise JournalUnavailable(
                f"The broker's monitoring port does not answer at {_shown(monitor_url)}: mend the address, {override}."
            )
        if not any(is_ours for _, is_ours in nodes):
            raise JournalUnsafe(
                f"The monitoring port {_shown(monitor_url)} belongs to another broker than {_shown(self._url)}: "
                "mend one of the addresses."
            )
        # Of several nodes every one that answers: whichever leads next, two of three have to have it on their disks.
        for server, _ in nodes:
            if server.jetstream.config is None:
                raise JournalUnsafe("The broker runs without JetStream: turn it on in its configuration.")
            if not server.jetstream.config.sync_always:
                raise JournalUnsafe(
                    "The broker answers before its disk has the event: "
                    f"set `sync_interval: always` in its configuration, {override}."
                )

    async def _node(self, monitor_url: str) -> tuple[_ServerStatus, bool] | None:
        """How a node is set up, and whether this connection is with it; None when it does not answer."""
        try:
            server = await _fetch(f"{monitor_url}/varz", _ServerStatus)
            mine = await _fetch(f"{monitor_url}/connz?cid={self._client.client_id}", _ServerConnections)
        except (OSError, ValueError):
            return None
        return server, any(connection.name == self._name for connection in mine.connections)

    async def _open_stream(self, name: str, subjects: list[str], replicas: int, deny_delete: bool) -> None:
        required = {**_KEEPS_ALL, "subjects": subjects, "deny_delete": deny_delete}
        found = await self._ask(f"$JS.API.STREAM.INFO.{name}", {}, _StreamAnswer)
        if found.error is not None and found.error.err_code == _NO_STREAM:
            wanted = {"name": name, "num_replicas": replicas, **required}
            found = await self._ask(f"$JS.API.STREAM.CREATE.{name}", wanted, _StreamAnswer)
        if found.error is not None:
            _raise(found.error)
        _refuse_lossy(name, found.config, required)
        if (kept := found.config.get("num_replicas", 1)) < replicas:
            raise JournalUnsafe(
                f"Stream {name} has {kept} replica(s) and ECOKLIT_NATS_REPLICAS says {replicas}: raise it with "
                f"`nats stream edit {name} --replicas {replicas}`, or lower the setting."
            )
        self._direct = self._direct and found.config.get("num_replicas", 1) == 1

    # --- appending ------------------------------------------------------------------------------------------

    async def _append_logs(self, stream: str, prefix: str, pushes: Sequence[Push]) -> list[Stored | Stale]:
        outcomes: dict[str, Stored | Stale] = {
            push.device: Stored(push.after, push.after) for push in pushes if not push.events
        }
        unmoved = 0
        deadline = self._deadline()
        while waiting := [push for push in pushes if push.device not in outcomes]:
            try:
                last = await self._commit([message for push in waiting for message in _messages(prefix, push)])
            except (Lost, Refused) as failure:
                # True now: each waiting push is stored whole or not at all (or, by a broker without room, its
                # beginning). The heads tell which.
                settled = await self._settle(stream, prefix, waiting)
                outcomes |= settled
                unmoved = 0 if settled else unmoved + 1
                if isinstance(failure, Refused) and unmoved > UNMOVED_REFUSALS_MAX:
                    raise JournalUnavailable(
                        "The broker refuses a push that is in its place: its replicas disagree, send it again later."
                    ) from None
                await self._pause(deadline, failure, skip=bool(settled))
            else:
                outcomes |= _placed(waiting, last)
        return [outcomes[push.device] for push in pushes]

    async def _commit(self, messages: Sequence[Message]) -> int:
        """Send one atomic batch; the stream sequence of its last message. Raises Lost, Refused, JournalError."""
        await self._connected()
        client = self._client
        batch = {"Nats-Batch-Id": secrets.token_hex(8)}
        frames = [_frame(message, batch["Nats-Batch-Id"], n) for n, message in enumerate(messages[:-1], start=1)]
        try:
            if frames:
                await client.publish_all(frames)
            subject, payload, headers = messages[-1]
            last = {**batch, "Nats-Batch-Sequence": str(len(messages)), "Nats-Batch-Commit": "1", **headers}
            reply = await self._answer(
                client.request(subject, payload, timeout=COMMIT_SECONDS_MAX, headers=last), COMMIT_SECONDS_MAX
            )
        except (nats.errors.Error, OSError):
            raise Lost from None
        committed = msgspec.json.decode(reply.data, type=_Committed)
        if committed.error is None:
            return committed.seq
        if committed.error.err_code == _WRONG_LAST_SEQUENCE:
            raise Refused
        _raise(committed.error)

    async def _settle(self, stream: str, prefix: str, pushes: Sequence[Push]) -> dict[str, Stored | Stale]:
        """What became of pushes whose batch was refused or not answered; one that is still in its place is left out."""
        heads = await self._last_messages(stream, [prefix + push.device for push in pushes])
        settled: dict[str, Stored | Stale] = {}
        for push in pushes:
            head = heads.get(prefix + push.device)
            if (head.seq if head else 0) != push.after:
                settled[push.device] = await self._settle_moved(stream, push, head)
        return settled

    async def _settle_moved(self, stream: str, push: Push, head: StoredMessage | None) -> Stored | Stale:
        if head is None or head.data != push.events[-1]:
            return Stale()
        # Of two pushes of these very events, what rides with the one that was stored is what stands there.
        if sorted(own_headers(head.hdrs)) != sorted(push.headers_at(len(push.events) - 1)):
            return Stale()
        # The device's head is this push's last event. Its first must stand as far before it as the push is
        # long: somebody else may have pushed the same log in other portions.
        first_sequence = head.seq - len(push.events) + 1
        first = await self._message_at(stream, first_sequence) if first_sequence > push.after else None
        if first is None or (first.subject, first.data) != (head.subject, push.events[0]):
            return Stale()
        return Stored(first_sequence, head.seq)

    # --- reading --------------------------------------------------------------------------------------------

    async def _read_gapless(self, stream: str, after: int, limit: int) -> list[Found]:
        """As `Journal.read_events`, of any stream that nobody deletes from."""
        if limit < 1:
            return []
        deadline, is_behind = self._deadline(), False
        while True:
            read: list[Found] = []
            for found in await self._read(stream, after, limit):
                if found[0] != after + len(read) + 1:
                    break
                read.append(found)
            if read or (await self._stream(stream)).state.last_seq <= after:
                return read
            if await self._message_at(stream, after + 1) is None:
                raise JournalHole(
                    f"Event {after + 1} of {stream} cannot be read: "
                    "restore the broker's store, or take the devices' own logs in again.",
                    after + 1,
                )
            # It arrived between the two questions, and is there now; or a replica is behind, and is given time.
            await self._pause(deadline, skip=not is_behind)
            is_behind = True

    async def _stream(self, name: str) -> _StreamAnswer:
        answer = await self._ask(f"$JS.API.STREAM.INFO.{name}", {}, _StreamAnswer)
        if answer.error is not None:
            raise JournalUnavailable(
                f"The broker does not know {name} ({answer.error.description}): restore its store."
            )
        return answer

    async def _read(self, stream: str, after: int, limit: int) -> list[Found]:
        return await self._retry(lambda: self._read_some(stream, after, limit))

    async def _read_some(self, stream: str, after: int, limit: int) -> list[Found]:
        # A batch of direct reads (ADR-31) leaves nothing on the broker, but costs it 9 µs a message; by a consumer
        # it is 3. So a few are read directly, as most readers want no more, and the many that follow by a consumer.
        limit = min(limit, READ_MESSAGES_MAX)
        few = min(limit, DIRECT_MESSAGES_MAX) if self._consumes else limit
        query: dict[str, object] = {"seq": after + 1, "batch": few, "max_bytes": READ_BYTES_MAX}
        found = [_found(headers, payload) for headers, payload in await self._direct_get(stream, query)]
        if not found and not self._direct and await self._has_more(stream, after):
            raise Lost  # a replica answered that is behind: its nothing is no end
        if len(found) < few or few == limit:
            return found
        return found + await self._pull(stream, found[-1][0], limit - len(found))

    async def _has_more(self, stream: str, after: int) -> bool:
        """Whether anything follows, as the leader knows."""
        return await self._message(stream, {"seq": after + 1, "next_by_subj": ">"}) is not None

    async def _last_messages(self, stream: str, subjects: Sequence[str]) -> dict[str, StoredMessage]:
        found: dict[str, StoredMessage] = {}
        for start in range(0, len(subjects), SUBJECTS_PER_READ_MAX):
            some = subjects[start : start + SUBJECTS_PER_READ_MAX]
            if self._direct:
                query: dict[str, object] = {"multi_last": some, "batch": len(some)}
                for headers, payload in await self._retry(partial(self._direct_get, stream, query)):
                    subject, sequence = address(headers)
                    found[subject] = StoredMessage(subject, sequence, payload, headers)
            else:
                asked = [self._message(stream, {"last_by_subj": subject}) for subject in some]
                found |= {message.subject: message for message in await asyncio.gather(*asked) if message is not None}
        return found

    async def _message_at(self, stream: str, sequence: int) -> StoredMessage | None:
        return await self._message(stream, {"seq": sequence})

    async def _message(self, stream: str, query: dict[str, object]) -> StoredMessage | None:
        answer = await self._ask(f"$JS.API.STREAM.MSG.GET.{stream}", query, _MessageAnswer)
        if answer.error is not None and answer.error.err_code != _NO_MESSAGE:
            raise JournalUnavailable(f"The broker cannot read {stream} ({answer.error.description}): try again later.")
        return answer.message

    # --- asking the broker ----------------------------------------------------------------------------------

    async def _ask(self, subject: str, query: dict[str, object], answer: type[_ErrorOr]) -> _ErrorOr:
        request = msgspec.json.encode(query)

        async def ask() -> _ErrorOr:
            asked = self._client.request(subject, request, timeout=COMMIT_SECONDS_MAX)
            reply = await self._answer(asked, COMMIT_SECONDS_MAX)
            said = msgspec.json.decode(reply.data, type=answer)
            if said.error is not None and said.error.err_code in _TRANSIENT:
                raise Lost
            return said

        return await self._retry(ask)

    async def _direct_get(self, stream: str, query: dict[str, object]) -> list[Raw]:
        read: list[Raw] = []
        ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def take(_subject: bytes, _reply: bytes, headers: bytes, payload: bytes) -> None:
            if payload:
                read.append((headers, payload))
            elif not ended.done():
                ended.set_result(_status(headers))

        if await self._taken(take, f"$JS.API.DIRECT.GET.{stream}", query, ended) in (b"204", b"404"):
            return read  # the end of the batch; nothing to read
        raise Lost

    async def _pull(self, stream: str, after: int, limit: int) -> list[Found]:
        """The messages that follow, by a consumer of their own; [] where the broker gives none."""
        config = {
            "deliver_policy": "by_start_sequence", "opt_start_seq": after + 1, "ack_policy": "none", "max_deliver": 1,
            "mem_storage": True, "num_replicas": 1, "inactive_threshold": CONSUMER_SECONDS_MAX * 1_000_000_000,
        }  # fmt: skip
        consumer = await self._consumer(stream, config)
        if consumer is None:
            return []
        read: list[Found] = []
        ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def take(subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
            if payload:
                read.append((_acked_sequence(reply), subject.decode("ascii"), payload, headers))
            if not ended.done() and (not payload or len(read) == limit):
                ended.set_result(_status(headers))

        query: dict[str, object] = {"batch": limit, "no_wait": True, "max_bytes": READ_BYTES_MAX}
        try:
            # However it ends, what came is a beginning without a hole of what there is.
            await self._taken(take, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", query, ended)
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await self._client.publish(f"$JS.API.CONSUMER.DELETE.{stream}.{consumer}")
        return read

    async def _consumer(self, stream: str, config: dict[str, object]) -> str | None:
        """The name of a consumer made for one read; None where the broker lets us have none."""
        if not self._consumes:
            return None
        request = msgspec.json.encode({"stream_name": stream, "config": config})
        asked = self._client.request(f"$JS.API.CONSUMER.CREATE.{stream}", request, timeout=CONSUMER_SECONDS_MAX)
        try:
            reply = await self._answer(asked, CONSUMER_SECONDS_MAX + 1)
        except nats.errors.TimeoutError:
            self._consumes = False  # a user without this right is not answered at all
            return None
        return msgspec.json.decode(reply.data, type=_ConsumerAnswer).name or None

    async def _taken(self, take: _Take, subject: str, query: dict[str, object], ended: asyncio.Future[bytes]) -> bytes:
        """Ask for messages that `take` is given; what `ended` says once they have come."""
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(inbox)
        self._client.short_cuts[subscription._id] = take
        try:
            await self._client.publish(subject, msgspec.json.encode(query), reply=inbox)
            return await self._answer(ended, COMMIT_SECONDS_MAX)
        finally:
            del self._client.short_cuts[subscription._id]
            with contextlib.suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _retry(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """For questions, which change nothing: ask again until an answer comes or time is up."""
        deadline = self._deadline()
        while True:
            try:
                await self._connected()
                return await ask()
            except (Lost, nats.errors.Error, OSError) as failure:
                await self._pause(deadline, failure)

    async def _answer(self, asked: Awaitable[_Answer], seconds_max: float) -> _Answer:
        """The answer, or Lost as soon as the connection is: nats-py itself would wait for the time-out."""
        answer = asyncio.ensure_future(asked)
        try:
            either: set[asyncio.Future[Any]] = {answer, self._down}
            await asyncio.wait(either, timeout=seconds_max, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise Lost
        finally:
            answer.cancel()

    async def _connected(self) -> None:
        if self._client.is_closed:
            raise JournalUnavailable("The journal is closed: open it again.")
        if self._down.done() or not self._client.is_connected:
            raise Lost
        if not self._verified:  # it may have come back with another configuration
            await self._verify_again()

    async def _verify_again(self) -> None:
        down = self._down
        try:
            await self._verify_server()
        except JournalError as why:
            if down.done() or isinstance(why, JournalUnavailable):  # away again; its monitoring port, too
                raise Lost(why) from None
            raise
        if down.done():
            self._verified = False
            raise Lost

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._answer_seconds_max

    async def _pause(self, deadline: float, failure: Exception | None = None, *, skip: bool = False) -> None:
        if asyncio.get_running_loop().time() >= deadline:
            if isinstance(failure, Lost) and failure.why is not None:
                raise failure.why
            raise JournalUnavailable(
                f"The broker did not answer for {self._answer_seconds_max:g} s: "
                "see that it runs and that its disk has room, then send this again."
            )
        if not skip:
            await asyncio.sleep(RETRY_PAUSE_SECONDS)


def _messages(prefix: str, push: Push) -> Iterable[Message]:
    subject = prefix + push.device
    marked = {0, len(push.events) - 1, *(at for at, _, _ in push.later_headers)}
    for n, payload in enumerate(push.events):
        headers = dict(push.headers_at(n)) if n in marked else {}
        if n == 0:  # and only there: a second expectation for one subject fails the batch (10164)
            headers["Nats-Expected-Last-Subject-Sequence"] = str(push.after)
        yield subject, payload, headers


def _frame(message: Message, batch: str, nth: int) -> bytes:
    """The bytes by which the protocol publishes one message of a batch, its `nth` from 1."""
    subject, payload, own = message
    lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    head = f"NATS/1.0\r\nNats-Batch-Id: {batch}\r\nNats-Batch-Sequence: {nth}\r\n{lines}\r\n".encode()
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (subject.encode(), len(head), len(head) + len(payload), head, payload)


def _placed(pushes: Sequence[Push], last: int) -> dict[str, Stored | Stale]:
    """A batch is stored without a gap: each push's place follows from the last sequence."""
    placed: dict[str, Stored | Stale] = {}
    for push in reversed(pushes):
        placed[push.device] = Stored(last - len(push.events) + 1, last)
        last -= len(push.events)
    return placed


def _refuse_lossy(name: str, config: dict[str, Any], required: dict[str, object]) -> None:
    for key, wanted in required.items():
        if (found := config.get(key, False)) != wanted:
            raise JournalUnsafe(
                f"Stream {name} has {key} = {found!r}: set it to {wanted!r} before it is used as a journal."
            )
    for key in _ABSENT:
        if config.get(key):
            raise JournalUnsafe(f"Stream {name} has a {key}: take it away before it is used as a journal.")


def _raise(error: _Error) -> NoReturn:
    if error.err_code in _TRANSIENT:
        raise Lost
    if error.err_code in _FULL:
        raise JournalFull(
            f"The broker has no room for more ({error.description}): nothing acknowledged is lost, "
            "make room and send this again."
        )
    raise JournalError("journal_refused", f"The broker refused ({error.description}, {error.err_code}): see its log.")


def _found(headers: bytes, payload: bytes) -> Found:
    subject, sequence = address(headers)
    return sequence, subject, payload, headers


def _status(headers: bytes) -> bytes:
    return headers[len(b"NATS/1.0 ") :][:3]


def _acked_sequence(reply: bytes) -> int:
    """The stream sequence in `$JS.ACK.[domain.account.]stream.consumer.delivered.SEQUENCE.…` (ADR-15)."""
    tokens = reply.split(b".")
    return int(tokens[5 if len(tokens) == 9 else 7])


def address(headers: bytes) -> tuple[str, int]:
    """Subject and sequence of a message that was read directly: the broker adds its own headers last."""
    return _last_header(headers, _SUBJECT_HEADER).decode("ascii"), int(_last_header(headers, _SEQUENCE_HEADER))


def _last_header(headers: bytes, name: bytes) -> bytes:
    start = headers.rindex(name) + len(name)
    return headers[start : headers.index(b"\r\n", start)]


def own_headers(headers: bytes) -> tuple[tuple[str, str], ...]:
    if _OWN_HEADER not in headers:
        return ()
    lines = (line.partition(b": ") for line in headers.split(b"\r\n"))
    return tuple(
        (name.decode("ascii"), value.decode("ascii"))
        for name, _, value in lines
        if name.startswith(HEADER_PREFIX.encode())
    )


def payload_of(message: StoredMessage | None) -> bytes | None:
    return message.data if message is not None else None


async def _fetch(url: str, answer: type[_Answer]) -> _Answer:
    def fetch() -> bytes:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS_MAX) as response:
            return bytes(response.read())

    return msgspec.json.decode(await asyncio.to_thread(fetch), type=answer)


def _shown(url: str) -> str:
    """Host and port, without a password."""
    parts = urlsplit(url.partition(",")[0])
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname or url)
