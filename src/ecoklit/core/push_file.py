"""A push as lines, and a file as pushes one after another (SPEC §7.1).

Whoever carries a log needs no key: each push in the file ends with its own signed head. So a stick, a colleague's phone
and the phone itself send the very same bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal

from ecoklit.core import wire
from ecoklit.core.event import Malformed
from ecoklit.core.head import SignedHead, sign_head
from ecoklit.core.limits import PUSH_BYTES_MAX, PUSH_EVENTS_MAX
from ecoklit.core.signing import Key
from ecoklit.core.wire import Held

Kind = Literal["event", "registry", "head", "receipt", "unknown"]
_KINDS: Final[tuple[tuple[bytes, Kind], ...]] = (
    (b'{"event":', "event"),
    (b'{"registry":', "registry"),
    (b'{"head":', "head"),
    (b'{"receipt":', "receipt"),
)
HEAD_BYTES_MAX: Final = 256
"""A head line, with room."""


def kind_of(line: bytes) -> Kind:
    """What a canonical line is, by its first key; whether it is well formed, only its reader knows."""
    for start, kind in _KINDS:
        if line.startswith(start):
            return kind
    return "unknown"


def lines_of(body: bytes) -> list[bytes]:
    """The lines of NDJSON, the last line break being free; [] for nothing."""
    return body.removesuffix(b"\n").split(b"\n") if body else []


def write_push(
    events: Iterable[bytes], head: SignedHead | None, *, registry: Iterable[bytes] = (), receipt: bytes | None = None
) -> bytes:
    """One push: registry lines, a receipt, event lines, and the head of the last event; each line without its break."""
    lines = [*registry]
    if receipt is not None:
        lines.append(receipt)
    lines.extend(events)
    if head is not None:
        lines.append(head.line)
    return b"".join(line + b"\n" for line in lines)


def split_pushes(data: bytes) -> list[bytes]:
    """The pushes of a file: each ends with a head line; lines after the last one are a push of their own."""
    pushes: list[bytes] = []
    lines: list[bytes] = []
    for line in lines_of(data):
        lines.append(line + b"\n")
        if kind_of(line) == "head":
            pushes.append(b"".join(lines))
            lines = []
    if lines:
        pushes.append(b"".join(lines))
    return pushes


def without_persons(body: bytes, is_erased: Callable[[str], bool]) -> tuple[bytes, int]:
    """NDJSON without the persons of these voters, and how many they were; what no event is stays as it is.

    Heads are over events alone, so the body is as good as before.
    """
    lines, count = lines_of(body), 0
    for place, line in enumerate(lines):
        if kind_of(line) != "event":
            continue
        try:
            held = wire.read(line)
        except Malformed:
            continue
        if (held.person_bytes is not None or held.person_fault is not None) and is_erased(held.voter):
            lines[place], count = wire.write(held.event_bytes, None), count + 1
    return b"".join(line + b"\n" for line in lines), count


def sign_pushes(key: Key, election: str, held: Sequence[Held], *, registry: Sequence[bytes] = ()) -> Iterator[bytes]:
    """The pushes that bring `held`, consecutive events of `key`'s log, each within the bounds of SPEC §7.1.

    The registry lines go ahead of the first push, and by themselves when there is no event.
    """
    ahead = list(registry)
    for part in parts_of(held, sum(len(line) + 1 for line in ahead)):
        head = sign_head(key, election, part[-1].seq, part[-1].hash)
        yield write_push([one.line for one in part], head, registry=ahead)
        ahead = []
    if ahead:
        yield write_push((), None, registry=ahead)


def parts_of(held: Sequence[Held], ahead_bytes: int = 0) -> Iterator[Sequence[Held]]:
    """Consecutive events, cut where a push would be over its bounds; `ahead_bytes` stand before the first."""
    first, size = 0, ahead_bytes + HEAD_BYTES_MAX
    for index, one in enumerate(held):
        line = len(one.line) + 1
        if index > first and (index - first == PUSH_EVENTS_MAX or size + line > PUSH_BYTES_MAX):
            yield held[first:index]
            first, size = index, HEAD_BYTES_MAX
        size += line
    if first < len(held):
        yield held[first:]
