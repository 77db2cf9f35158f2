"""The service over HTTP: `ports.Service` for whoever pushes from another process or machine."""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

import msgspec

from ecoklit.core.admission import REFUSALS, Refused
from ecoklit.core.event import Malformed
from ecoklit.core.receipt import read_receipt
from ecoklit.ports import JournalBusy, ServiceUnavailable

ANSWER_SECONDS_MAX: Final = 60.0
PUSHES_AT_ONCE_MAX: Final = 32


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""
    expected: int | None = None


class HttpService:
    """The service at `url`, such as http://127.0.0.1:8484."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        # Threads of its own: the loop's are six on a small machine, too few to fill a group commit, and a service in
        # this same process may need them to answer.
        self._threads = ThreadPoolExecutor(PUSHES_AT_ONCE_MAX, thread_name_prefix="push")

    async def push(self, body: bytes) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._push, body)

    def _push(self, body: bytes) -> bytes:
        request = urllib.request.Request(
            f"{self._url}/v1/push", data=body, headers={"Content-Type": "application/x-ndjson"}
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX) as answer:
                return read_receipt(answer.read()).line  # another server at that address says something else
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, http.client.HTTPException, Malformed) as error:
            raise ServiceUnavailable(
                f"No ecoklit answers at {_shown(self._url)}: start it or mend its address, then push again."
            ) from error


def _refusal(error: urllib.error.HTTPError) -> Exception:
    try:
        problem = msgspec.json.decode(error.read(), type=_Problem)
    except (OSError, msgspec.DecodeError):
        problem = _Problem()
    if problem.code in REFUSALS:
        return Refused(problem.code, problem.detail, problem.expected)
    if problem.code == "journal_busy":
        return JournalBusy(problem.detail)
    return ServiceUnavailable(problem.detail or f"The service answered {error.code}: see its log, then push again.")


def _shown(url: str) -> str:
    """Host and port, without a password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
