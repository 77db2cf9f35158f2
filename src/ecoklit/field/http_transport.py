"""The service over HTTP, as a phone on a bad network sees it: compressed, bounded, and believed in nothing."""

from __future__ import annotations

import gzip
import http.client
import urllib.error
import urllib.request
import zlib
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from ecoklit.core.admission import REFUSALS, Refused
from ecoklit.field.transport import Ask, NonceNeeded
from ecoklit.field.trouble import Away, NotEntitled, TryLater, WrongService

ANSWER_SECONDS_MAX: Final = 60.0
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""Far above a page of events; without a bound a wrong address could fill a phone."""

PROBLEM_BYTES_MAX: Final = 64 * 1024
RETRY_SECONDS: Final = 5.0
_BUSY: Final = (429, 502, 503, 504)
_MORE_REFUSALS: Final = ("bad_argument", "unknown_area", "too_slow")
_PASSING: Final = ("not_projected", "bad_encoding")
"""Not folded yet, and changed on its way: the same again is right."""

_NDJSON: Final = "application/x-ndjson"


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""
    expected: int | None = None


class HttpTransport:
    """`Transport` to the service at `url`, such as https://coklit.example/ ; `seconds_max` bounds each answer."""

    def __init__(self, url: str, *, seconds_max: float = ANSWER_SECONDS_MAX) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongService(f"'{url}' is no address of a service: it looks like https://coklit.example")
        self._url = url.rstrip("/")
        self._shown = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
        self._seconds_max = seconds_max
        self.nonce = ""

    def push(self, body: bytes) -> bytes:
        headers = {"Content-Type": _NDJSON, "Content-Encoding": "gzip"}
        return self._send("/v1/push", gzip.compress(body, mtime=0), headers)

    def pull(self, ask: Ask) -> bytes:
        asked = urlencode({"tps": ask.tps, "cursor": ask.cursor, "limit": ask.limit})
        headers = {
            "Ecoklit-Device": ask.device,
            "Ecoklit-Nonce": ask.nonce,
            "Ecoklit-Signature": ask.signature,
        }
        return self._send(f"/v1/pull?{asked}", None, headers)

    def registry(self, after: int) -> bytes:
        return self._send(f"/v1/registry?after={after}", None, {})

    def _send(self, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        request = urllib.request.Request(
            f"{self._url}{path}", data=body, headers={"Accept-Encoding": "gzip", **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=self._seconds_max) as answer:
                self.nonce = answer.headers.get("Ecoklit-Nonce") or self.nonce
                body = answer.read(ANSWER_BYTES_MAX + 1)
                if answer.length:  # what it announced and did not bring
                    raise ValueError("the answer was cut off, or is too large")
                return _unpacked(body, answer.headers.get("Content-Encoding"))
        except urllib.error.HTTPError as error:
            with error:
                self.nonce = error.headers.get("Ecoklit-Nonce") or self.nonce
                raise self._named(error) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Away(f"No answer from {self._shown}: everything is kept here; sync again with a network.") from error

    def _named(self, error: urllib.error.HTTPError) -> Exception:
        problem = _problem(error)
        if problem.code in (*REFUSALS, *_MORE_REFUSALS):
            return Refused(problem.code, problem.detail, problem.expected)
        if problem.code == "nonce_needed":
            return NonceNeeded(self.nonce)
        if problem.code == "not_entitled":
            return NotEntitled(problem.detail)
        if error.code in _BUSY or problem.code in _PASSING:
            sentence = problem.detail or f"{self._shown} is busy: everything is kept here."
            return TryLater(problem.code or "busy", sentence, _seconds(error.headers.get("Retry-After")))
        if error.code >= 500:
            return Away(f"{self._shown} has a fault ({error.code}): everything is kept here; sync again later.")
        return WrongService(f"{self._shown} is no service of ecoklit (it answers {error.code}): mend the address.")


def _problem(error: urllib.error.HTTPError) -> _Problem:
    try:
        body = _unpacked(error.read(PROBLEM_BYTES_MAX), error.headers.get("Content-Encoding"))
        return msgspec.json.decode(body, type=_Problem)
    except (OSError, http.client.HTTPException, ValueError, EOFError):
        return _Problem()


def _unpacked(body: bytes, encoding: str | None) -> bytes:
    if encoding == "gzip":
        packed, reader = body, zlib.decompressobj(wbits=31)
        try:
            body = reader.decompress(packed, ANSWER_BYTES_MAX)
        except zlib.error as error:
            raise ValueError("the answer is no gzip") from error
        if not reader.eof:
            raise ValueError("the answer was cut off, or is too large")
    if len(body) > ANSWER_BYTES_MAX:
        raise ValueError("the answer is too large")
    return body


def _seconds(header: str | None) -> float:
    # A date is allowed there too; a phone's clock may be wrong by years, so it is not read.
    try:
        return max(0.0, float(header)) if header else RETRY_SECONDS
    except ValueError:
        return RETRY_SECONDS
