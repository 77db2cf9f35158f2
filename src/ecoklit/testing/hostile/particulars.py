"""Where nothing personal may ever be: what was logged, asked for, answered with an error, or used as a name.

`Recorder` listens while tests run: to the logs of the brokers and databases that end, to what child processes say on
standard error, to URLs, subjects, headers, errors and log lines of this process. `found` searches all of it for the
particulars of made-up people: those of `CANARY`, the numbers of everybody whose person any test held, and the names of
the first few hundred of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

LOGS: Final = ("*.log", "*.log.*", "up.err", "*.stderr")
LOG_BYTES_MAX: Final = 64 * 1024 * 1024
ARTEFACT_CHARACTERS_MAX: Final = 4_000_000

CANARY: Final = {
    "address": "Gang Kenari Hijau 77",
    "birth_date": "1907-07-07",
    "birth_place": "Sangkar Emas",
    "disability": None,
    "ektp": "S",
    "marital": "B",
    "name": "Kenari Bersiul Lantang",
    "nik": "9404017007070707",
    "nkk": "9404017007080808",
    "rt": "077",
    "rw": "088",
    "sex": "P",
}
"""A made-up voter whom nobody can take for something else."""

NEEDLES: Final = (
    "Kenari Bersiul",
    "Bersiul Lantang",
    "Gang Kenari",
    "Sangkar Emas",
    "9404017007070707",
    "9404017007080808",
)
"""What of it must be nowhere."""

LIST: Final = "list"
"""The place of an answer that shows people by name: their numbers are masked in it."""
_NEEDLE_NUMBERS: Final = tuple(one for one in NEEDLES if one.isdigit())
_LISTS: Final = ("/v1/", "/office/area/", "/office/cases/", "/office/live/")
"""Beginnings of paths whose answers may name people, to whoever signed in."""
_PHONES: Final = ("/v1/pull", "/v1/push", "/v1/registry")
_WHOLE: Final = ("unmask", "exports")
"""Parts of paths whose answers have whole numbers in them, each after an entry of the read log."""

_NUMBER = re.compile(r"(?<![0-9])[0-9]{16}(?![0-9])").findall
_NUMBER_BYTES = re.compile(rb'"n(?:ik|kk)":"([0-9]{16})"').findall
_NAME_BYTES = re.compile(rb'"name":"([A-Za-z]+ [A-Za-z ]{5,40})"').findall
NAMES_MAX: Final = 300


class Leak(NamedTuple):
    """Something personal where it must not be: what, in which kind of place, and a little of what stands around it."""

    what: str
    place: str
    around: str


class Recorder:
    """`with Recorder() as recorder: …; recorder.found()`."""

    def __init__(self) -> None:
        self.artefacts: dict[str, list[str]] = {}
        self.numbers: set[str] = set()
        self.names: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.deaf = False
        """While a test puts something personal where it must not be, to see that it is found."""
        self._seen: set[bytes] = set()
        self._undo: list[Callable[[], None]] = []

    # --- what is kept ------------------------------------------------------------------------------------------------

    def keep(self, place: str, text: object) -> None:
        """Remember what was said in a kind of place; the same again is remembered once."""
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        if self.deaf or not said:
            return
        mark = hashlib.blake2b(f"{place}\0{said}".encode("utf-8", "surrogatepass"), digest_size=12).digest()
        self.counts[place] += 1
        if mark not in self._seen:
            self._seen.add(mark)
            self.artefacts.setdefault(place, []).append(said[:ARTEFACT_CHARACTERS_MAX])

    def keep_logs(self, folder: Path) -> None:
        """Every log file below a folder."""
        for pattern in LOGS:
            for path in folder.rglob(pattern):
                with contextlib.suppress(OSError):
                    if path.is_file() and path.stat().st_size <= LOG_BYTES_MAX:
                        self.keep(f"log {path.name}", path.read_bytes())

    def found(self) -> list[Leak]:
        """Every particular of somebody that is where it must not be: in a list, every number."""
        leaks: list[Leak] = []
        needles = (*NEEDLES, *sorted(self.names))
        for place, said in self.artefacts.items():
            for text in said:
                for what in needles if place != LIST else _NEEDLE_NUMBERS:
                    if what in text:
                        leaks.append(_leak(what, place, text))
                for number in _NUMBER(text):
                    if number in self.numbers:
                        leaks.append(_leak(number, place, text))
        return leaks

    # --- where it listens --------------------------------------------------------------------------------------------

    def __enter__(self) -> Recorder:
        self._listen_to_persons()
        self._listen_to_errors()
        self._listen_to_http()
        self._listen_to_nats()
        self._listen_to_servers()
        self._listen_to_processes()
        return self

    def __exit__(self, *_: object) -> None:
        while self._undo:
            self._undo.pop()()

    def _replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        before = getattr(owner, name)
        setattr(owner, name, make(before))
        self._undo.append(lambda: setattr(owner, name, before))

    def _listen_to_persons(self) -> None:
        from ecoklit.core import wire

        def listening(hold: Any) -> Any:
            def held(event_bytes: bytes, person_bytes: bytes | None) -> Any:
                if person_bytes is not None:
                    self.numbers.update(one.decode() for one in _NUMBER_BYTES(person_bytes))
                    if len(self.names) < NAMES_MAX:
                        self.names.update(one.decode() for one in _NAME_BYTES(person_bytes))
                return hold(event_bytes, person_bytes)

            return held

        self._replace(wire, "hold", listening)

    def _listen_to_errors(self) -> None:
        import structlog

        from ecoklit.errors import EcoklitError

        def made(init: Any) -> Any:
            def __init__(error: Any, code: str, message: str) -> None:  # noqa: N807
                self.keep("error", f"{code}: {message}")
                init(error, code, message)

            return __init__

        self._replace(EcoklitError, "__init__", made)

        def logging(proxy: Any) -> Any:
            def get_logger(*arguments: Any, **bound: Any) -> Any:
                return _Logger(proxy(*arguments, **bound), self)

            return get_logger

        self._replace(structlog, "get_logger", logging)

    def _listen_to_http(self) -> None:
        import http.client

        import aiohttp
        import httpx
        from litestar import Litestar

        def putting(put: Any) -> Any:
            def putrequest(connection: Any, method: str, url: str, *more: Any, **options: Any) -> Any:
                self.keep("url", url)
                return put(connection, method, url, *more, **options)

            return putrequest

        self._replace(http.client.HTTPConnection, "putrequest", putting)

        def sending(send: Any) -> Any:
            async def sent(client: Any, request: Any, **options: Any) -> Any:
                self.keep("url", request.url)
                return await send(client, request, **options)

            return sent

        self._replace(httpx.AsyncClient, "send", sending)

        def requesting(request: Any) -> Any:
            async def requested(client: Any, method: str, url: Any, **options: Any) -> Any:
                self.keep("url", url)
                return await request(client, method, url, **options)

            return requested

        self._replace(aiohttp.ClientSession, "_request", requesting)

        def calling(call: Any) -> Any:
            async def called(app: Any, scope: Any, receive: Any, send: Any) -> None:
                await call(app, scope, receive, self._answering(scope, send))

            return called

        self._replace(Litestar, "__call__", calling)

    def _answering(self, scope: Any, send: Any) -> Any:
        if scope["type"] != "http":
            return send
        self.keep("url", scope["path"] + "?" + scope["query_string"].decode("latin-1"))
        status = 0

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self.keep("header", message["headers"])
            elif status >= 400 or not scope["path"].startswith(_LISTS):
                self.keep("answer", message.get("body", b""))
            elif not scope["path"].startswith(_PHONES) and not any(part in scope["path"] for part in _WHOLE):
                self.keep(LIST, message.get("body", b""))
            await send(message)

        return sending

    def _listen_to_nats(self) -> None:
        from nats.aio.client import Client

        def publishing(publish: Any) -> Any:
            async def published(client: Any, subject: str, reply: str, payload: bytes, size: int, headers: Any) -> None:
                self.keep("subject", f"{_unnumbered(subject)} {headers or ''}")
                await publish(client, subject, reply, payload, size, headers)

            return published

        self._replace(Client, "_send_publish", publishing)

    def _listen_to_servers(self) -> None:
        from ecoklit.adapters.embedded_nats import EmbeddedNats
        from ecoklit.adapters.embedded_postgres import EmbeddedPostgres

        def ending(end: Any) -> Any:
            async def ended(server: Any, *arguments: Any) -> Any:
                try:
                    return await end(server, *arguments)
                finally:
                    self.keep_logs(Path(server.folder))

            return ended

        self._replace(EmbeddedNats, "stop", ending)
        self._replace(EmbeddedNats, "kill", ending)
        self._replace(EmbeddedPostgres, "stop", ending)

        def removing(remove: Any) -> Any:
            def removed(path: Any, *arguments: Any, **options: Any) -> Any:
                with contextlib.suppress(OSError, TypeError):
                    self.keep_logs(Path(path))
                return remove(path, *arguments, **options)

            return removed

        self._replace(shutil, "rmtree", removing)

    def _listen_to_processes(self) -> None:
        def speaking(communicate: Any) -> Any:
            def communicated(process: Any, *arguments: Any, **options: Any) -> Any:
                said = communicate(process, *arguments, **options)
                if said[1]:
                    self.keep("stderr", said[1])
                return said

            return communicated

        self._replace(subprocess.Popen, "communicate", speaking)


class _Logger:
    """A logger whose words are kept too."""

    def __init__(self, logger: Any, recorder: Recorder) -> None:
        self._logger = logger
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        log = getattr(self._logger, name)

        def logged(*arguments: Any, **words: Any) -> Any:
            self._recorder.keep("log line", f"{name} {arguments} {words}")
            return log(*arguments, **words)

        return logged


def _unnumbered(subject: str) -> str:
    """A subject without the parts that differ each time, so that it is kept once."""
    return re.sub(r"(?<=\.)[0-9]{1,9}$|(?<=_INBOX).*", "", subject)


def _leak(what: str, place: str, text: str) -> Leak:
    at = text.find(what)
    return Leak(what, place, text[max(0, at - 120) : at + len(what) + 60])
