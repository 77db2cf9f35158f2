"""The service over HTTP, as a phone on a bad network sees it: compressed, bounded, and believed in nothing."""

from __future__ import annotations

import gzip
import http.client
import urllib.error
import urllib.request
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from ecoklit.field.packed import ANSWER_BYTES_MAX, unpacked
from ecoklit.field.problem import Problem, named, read_problem
from ecoklit.field.transport import Ask
from ecoklit.field.trouble import Away, WrongService

ANSWER_SECONDS_MAX: Final = 60.0
PROBLEM_BYTES_MAX: Final = 64 * 1024
_NDJSON: Final = "application/x-ndjson"


class _Credentials(msgspec.Struct):
    jwt: str


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

    def credentials(self, device: str) -> str:
        """The JWT that lets `device` in at the service's broker. Raises NotEntitled, and EcoklitError no_nkey,
        bad_nkey or no_broker, too.
        """
        try:
            return msgspec.json.decode(self._send(f"/v1/credentials/{device}", None, {}), type=_Credentials).jwt
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise WrongService(f"{self._shown} gives no credentials for its broker: mend the address.") from error

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
                return unpacked(body, answer.headers.get("Content-Encoding"))
        except urllib.error.HTTPError as error:
            with error:
                self.nonce = error.headers.get("Ecoklit-Nonce") or self.nonce
                raise self._named(error) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Away(f"No answer from {self._shown}: everything is kept here; sync again with a network.") from error

    def _named(self, error: urllib.error.HTTPError) -> Exception:
        retry_after = error.headers.get("Retry-After")
        return named(_problem(error), error.code, self._shown, retry_after=retry_after, nonce=self.nonce)


def _problem(error: urllib.error.HTTPError) -> Problem:
    try:
        return read_problem(unpacked(error.read(PROBLEM_BYTES_MAX), error.headers.get("Content-Encoding")))
    except (OSError, http.client.HTTPException, ValueError, EOFError):
        return Problem()
