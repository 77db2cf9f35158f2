"""Messages of a read are cut out of what the broker sends, however the network cuts that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from ecoklit.adapters.jetstream_logs import _Parser

Message = tuple[int, bytes, bytes, bytes, bytes]


class Client:
    """What the parser tells its client, in order."""

    def __init__(self, taken: int | None) -> None:
        self.told: list[object] = []
        self.short_cuts: dict[int, Callable[[bytes, bytes, bytes, bytes], None]] = {}
        if taken is not None:
            self.short_cuts[taken] = lambda *message: self.told.append((taken, *message))

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self.told.append((sid, subject, reply, headers or b"", data))

    async def _process_ping(self) -> None:
        self.told.append("PING")


HEADERS = st.sampled_from(
    [b"NATS/1.0\r\n\r\n", b"NATS/1.0\r\nNats-Sequence: 7\r\n\r\n", b"NATS/1.0 404 No Messages\r\n\r\n"]
)
PAYLOADS = st.sampled_from([b"", b"{}", b"HMSG a 1 12 12\r\n", b"PING\r\n", bytes(3000)])
MESSAGES = st.tuples(st.sampled_from([1, 2]), st.just(b"a.b"), st.sampled_from([b"", b"$JS.ACK.x"]), HEADERS, PAYLOADS)


def sent(message: Message | str) -> bytes:
    if isinstance(message, str):
        return b"PING\r\n"
    sid, subject, reply, headers, payload = message
    sizes = b"%d %d" % (len(headers), len(headers) + len(payload))
    return b"HMSG %b %d %b%b\r\n%b%b\r\n" % (subject, sid, reply and reply + b" ", sizes, headers, payload)


@given(
    messages=st.lists(MESSAGES | st.just("PING"), max_size=12),
    cuts=st.lists(st.integers(0, 4000), max_size=12),
    taken=st.sampled_from([None, 1]),
)
def test_the_same_messages_come_out_of_any_pieces(
    messages: list[Message | str], cuts: list[int], taken: int | None
) -> None:
    """Nothing is lost, doubled or reordered wherever the bytes are cut, whoever takes the messages."""
    data = b"".join(map(sent, messages))
    client = Client(taken)
    parser = _Parser(client)

    async def parse() -> None:
        at = 0
        for cut in sorted(cut % (len(data) + 1) for cut in cuts):
            await parser.parse(data[at:cut])
            at = cut
        await parser.parse(data[at:])

    asyncio.run(parse())
    assert client.told == messages
