"""One device that pushes by hand, to see exactly what the service answers."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from typing import Final, NamedTuple

from ecoklit.core.event import RECORD_FIELDS
from ecoklit.testing.chaos.house import ELECTION, House, tps_of
from ecoklit.testing.made_up_registry import signed_push
from ecoklit.testing.phone import Person, Phone

ANSWER_SECONDS_MAX: Final = 30.0
_POLL_SECONDS: Final = 0.1


class Answer(NamedTuple):
    """What came back: `status` is 0 when nothing did; `retry_after` is the header, "" without; `code` of a problem."""

    status: int
    retry_after: str = ""
    code: str = ""

    @property
    def asks_to_wait(self) -> bool:
        """503, and when to come again."""
        return self.status == 503 and self.retry_after.isdigit() and int(self.retry_after) >= 1


class Probe:
    """The device `name` of a house, which no load plays."""

    def __init__(self, house: House, name: str) -> None:
        self._house = house
        self._phone = Phone(ELECTION, house.seed, Person(name, "pantarlih"), tps_of(house.phones, name))
        self._sent = 0

    @property
    def device(self) -> str:
        return self._phone.device

    async def push(self) -> Answer:
        """Say one more entry and push all that was never receipted."""
        record = dict.fromkeys(RECORD_FIELDS) | {"name": f"WARGA {len(self._phone.said)}"}
        self._phone.say("new", None, how="in_person", document="ktp_el", person={"record": record})
        body = signed_push(self._phone.said[self._sent :])
        answer = await asyncio.to_thread(_post, f"{self._house.url}/v1/push", body)
        if answer.status == 200:
            self._sent = len(self._phone.said)
        return answer

    async def until_asked_to_wait(self, seconds_max: float) -> Answer:
        """Push again and again until the service asks to wait; the last answer, whatever it is, when it never does."""
        deadline = time.monotonic() + seconds_max
        answer = await self.push()
        while not answer.asks_to_wait and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
            answer = await self.push()
        return answer


def _post(url: str, body: bytes) -> Answer:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/x-ndjson"})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX) as answer:
            return Answer(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers.get("Retry-After") or "", _code(error.read()))
    except OSError:
        return Answer(0)


def _code(body: bytes) -> str:
    try:
        return str(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        return ""
