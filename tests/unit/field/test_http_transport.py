"""The phone's way over HTTP, against servers that are wrong, slow, busy or somebody else."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ecoklit.core.admission import Refused
from ecoklit.field.http_transport import HttpTransport
from ecoklit.field.problem import RETRY_SECONDS
from ecoklit.field.transport import Ask, NonceNeeded
from ecoklit.field.trouble import Away, NotEntitled, TryLater, WrongService

ASK = Ask("d" * 16, "n", "s", "9404012001001", "g-1", 10)
Serve = Callable[..., str]


class Server:
    """Answers every request alike, and remembers the last."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b"", {}
        self.cut = False
        self.path, self.got, self.sent = "", b"", {}

        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                server.path, server.sent = self.path, dict(self.headers)
                server.got = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(server.status)
                for name, value in server.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(server.body) + (100 if server.cut else 0)))
                self.end_headers()
                self.wfile.write(server.body)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *arguments: Any) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def server(running: Server) -> Server:
    running.status, running.body, running.headers, running.cut = 200, b"", {}, False
    return running


def problem(server: Server, status: int, code: str, **more: Any) -> None:
    server.status, server.body = status, json.dumps({"code": code, "detail": "why", **more}).encode()


def test_a_push_goes_packed_and_its_answer_comes_back(server: Server) -> None:
    """A push is NDJSON in gzip; the answer's bytes are the receipt, unpacked if need be."""
    server.body, server.headers = gzip.compress(b'{"receipt":1}'), {"Content-Encoding": "gzip"}
    assert HttpTransport(server.url).push(b"line\n" * 100) == b'{"receipt":1}'
    assert server.path == "/v1/push"
    assert (server.sent["Content-Encoding"], server.sent["Content-Type"]) == ("gzip", "application/x-ndjson")
    assert len(server.got) < 100
    assert gzip.decompress(server.got) == b"line\n" * 100


def test_a_pull_is_signed_in_its_headers_and_names_nobody_in_its_url(server: Server) -> None:
    """TPS and cursor stand in the URL; device, nonce and signature in headers. A fresh nonce is kept."""
    server.body, server.headers = b"{}\n", {"Ecoklit-Nonce": "fresh"}
    transport = HttpTransport(server.url)
    assert transport.pull(ASK) == b"{}\n"
    assert server.path == "/v1/pull?tps=9404012001001&cursor=g-1&limit=10"
    assert [server.sent[f"Ecoklit-{name}"] for name in ("Device", "Nonce", "Signature")] == ["d" * 16, "n", "s"]
    assert transport.nonce == "fresh"


def test_a_refusal_comes_with_its_name(server: Server) -> None:
    """The contract's refusals are what they are in process, a gap with the seq expected."""
    problem(server, 409, "gap", expected=7)
    with pytest.raises(Refused) as refused:
        HttpTransport(server.url).push(b"")
    assert (refused.value.code, refused.value.expected) == ("gap", 7)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(404, "not_projected", TryLater), (400, "bad_encoding", TryLater), (408, "too_slow", Refused)],
)
def test_what_the_service_says_of_the_moment_is_no_wrong_address(
    server: Server, status: int, code: str, error: type[Exception]
) -> None:
    """Not folded yet, changed on its way, too slow: the answer comes from ecoklit, and something can be done."""
    problem(server, status, code)
    with pytest.raises(error):
        HttpTransport(server.url).push(b"")


def test_a_nonce_that_is_too_old_is_told_apart(server: Server) -> None:
    """nonce_needed brings the fresh nonce."""
    problem(server, 401, "nonce_needed")
    server.headers = {"Ecoklit-Nonce": "fresh"}
    with pytest.raises(NonceNeeded) as needed:
        HttpTransport(server.url).pull(ASK)
    assert needed.value.nonce == "fresh"


def test_who_may_not_pull_is_told_so(server: Server) -> None:
    """not_entitled is no trouble of the network's."""
    problem(server, 403, "not_entitled")
    with pytest.raises(NotEntitled):
        HttpTransport(server.url).pull(ASK)


@pytest.mark.parametrize("status", [429, 503, 502, 504])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("17", 17.0), (None, RETRY_SECONDS), ("Wed, 21 Oct 2026 07:28:00 GMT", RETRY_SECONDS), ("nan", RETRY_SECONDS)],
)
def test_a_busy_service_says_when(server: Server, status: int, header: str | None, seconds: float) -> None:
    """Retry-After is taken in seconds; where it is missing or a date, a few seconds stand for it."""
    problem(server, status, "too_many")
    server.headers = {} if header is None else {"Retry-After": header}
    with pytest.raises(TryLater) as later:
        HttpTransport(server.url).push(b"")
    assert later.value.seconds == seconds


@pytest.mark.parametrize(
    ("status", "error"), [(500, Away), (404, WrongService), (401, WrongService), (418, WrongService)]
)
def test_what_is_no_answer_of_ecoklits_is_named(server: Server, status: int, error: type[Exception]) -> None:
    """A fault is waited out; an address where nothing of ecoklit is, is said to be wrong."""
    server.status, server.body = status, b"<html>Selamat datang di WiFi</html>"
    with pytest.raises(error):
        HttpTransport(server.url).push(b"")


def test_an_answer_that_breaks_off_is_no_answer(server: Server) -> None:
    """An answer that is shorter than it said, and gzip that ends early, count as none."""
    server.body, server.cut = b"half", True
    with pytest.raises(Away):
        HttpTransport(server.url, seconds_max=0.5).push(b"")
    server.body, server.cut = gzip.compress(b"whole" * 100)[:-9], False
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(Away):
        HttpTransport(server.url).push(b"")


def test_an_answer_without_end_does_not_fill_the_phone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb of zeros is given up at the bound."""
    monkeypatch.setattr("ecoklit.field.packed.ANSWER_BYTES_MAX", 10_000)
    server.body, server.headers = gzip.compress(bytes(1_000_000)), {"Content-Encoding": "gzip"}
    with pytest.raises(Away):
        HttpTransport(server.url).push(b"")
    server.body, server.headers = bytes(20_000), {}
    with pytest.raises(Away):
        HttpTransport(server.url).push(b"")


def test_where_nobody_listens_the_entries_are_said_to_be_kept() -> None:
    """No network is a sentence that says what holds, without the address's password."""
    with pytest.raises(Away) as away:
        HttpTransport("http://p:geheim@127.0.0.1:9", seconds_max=0.5).push(b"")
    assert "kept" in away.value.message
    assert "geheim" not in away.value.message


@pytest.mark.parametrize("url", ["", "ftp://x", "coklit.example", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """An address without http and host is named before anything is sent."""
    with pytest.raises(WrongService):
        HttpTransport(url)
