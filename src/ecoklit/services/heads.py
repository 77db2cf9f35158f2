"""Where the logs of the devices that pushed lately end, as this gateway stored them itself.

It spares a small push its question to the broker, and never decides anything: the broker's own check of the expected
sequence does. What is remembered wrongly is Stale there, forgotten, and asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from ecoklit.core import ids
from ecoklit.core.admission import Push
from ecoklit.limits import HEADS_MAX
from ecoklit.ports import Head


class Heads:
    """The last events of the devices that pushed lately. `life` changes when the broker was lost from sight: it may
    have come back with an older store, of which nothing is known.
    """

    def __init__(self, life: Callable[[], int] = lambda: 0, heads_max: int = HEADS_MAX) -> None:
        self._life = life
        self._lived = life()
        self._heads_max = heads_max
        self._heads: OrderedDict[str, Head] = OrderedDict()

    def before(self, push: Push) -> Head | None:
        """The end of the device's log, when it is known here and `push` goes on right behind it; else None.

        A push that repeats anything, leaves a hole or has another past is the broker's to compare.
        """
        self._forget_another_life()
        head = self._heads.get(push.device)
        if head is None or push.first != head.seq + 1 or push.held[0].prev != ids.to_base64url(head.hash):
            return None
        return head

    def remember(self, device: str, head: Head) -> None:
        """`head` was stored just now: a durable end of this device's log."""
        self._forget_another_life()
        self._heads[device] = head
        self._heads.move_to_end(device)
        if len(self._heads) > self._heads_max:
            self._heads.popitem(last=False)

    def forget(self, device: str) -> None:
        self._heads.pop(device, None)

    def _forget_another_life(self) -> None:
        if (life := self._life()) != self._lived:
            self._lived = life
            self._heads.clear()
