"""A published log over HTTP and in a folder: what is not there, what is too much, and who does not answer."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ecoklit.adapters import log_source
from ecoklit.adapters.log_source import FolderSource, SourceUnavailable, UrlSource, ask_witness, source_of
from ecoklit.core.signing import key_from_seed
from ecoklit.tlog.checkpoint import Checkpoint
from ecoklit.tlog.witness import Request


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if "broken" in self.path:
            self.send_error(500)
        else:
            super().do_GET()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Any web server over a folder."""
    (tmp_path / "public" / "tile" / "0").mkdir(parents=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "public")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


def test_both_give_the_same_files(served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """By address or by folder, with or without `public`; what is not there is None and no error."""
    url, folder = served
    (folder / "public" / "tile" / "0" / "000").write_bytes(b"x" * 8192)
    (folder / "public" / "checkpoint").write_bytes(b"checkpoint")
    for source in (source_of(f"{url}/"), source_of(str(folder)), source_of(str(folder / "public"))):
        assert source.fetch("tile/0/000") == b"x" * 8192
        assert source.fetch("tile/0/001") is source.fetch("tile/0/000/1") is None
    assert list(source_of(str(folder)).paths()) == ["tile/0/000"]
    monkeypatch.setattr(log_source, "FILE_BYTES_MAX", 8191)
    with pytest.raises(SourceUnavailable):
        UrlSource(url).fetch("tile/0/000")


def test_not_to_know_is_not_to_miss(served: tuple[str, Path]) -> None:
    """A server that fails, or is away, says nothing about what the log has."""
    url, folder = served
    with pytest.raises(SourceUnavailable, match="answered 500"):
        UrlSource(url).fetch("broken")
    with pytest.raises(SourceUnavailable, match=r"Nobody answers at 127\.0\.0\.1:9"):
        UrlSource("http://user:secret@127.0.0.1:9").fetch("checkpoint")
    with pytest.raises(SourceUnavailable, match="is no folder"):
        FolderSource(folder / "nowhere")


def test_a_witness_is_asked_over_http_alone(tmp_path: Path) -> None:
    note = Checkpoint("log.example", 0, bytes(32)).signed(key_from_seed("ed25519", bytes(31) + b"\1"))
    with pytest.raises(SourceUnavailable, match="no address of a witness"):
        ask_witness(f"file://{tmp_path}", Request(0, (), note))
    with pytest.raises(SourceUnavailable, match="No witness answers"):
        ask_witness("http://127.0.0.1:9", Request(0, (), note))
