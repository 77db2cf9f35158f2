"""A published log, wherever it is: a folder, or a web server that serves one. Read only; nothing is believed."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ecoklit.adapters.log_folder import PUBLIC
from ecoklit.errors import EcoklitError
from ecoklit.tlog.note import NOTE_BYTES_MAX
from ecoklit.tlog.tile import ENTRY_BYTES_MAX, WIDTH
from ecoklit.tlog.witness import Request

ANSWER_SECONDS_MAX: Final = 30.0
SCHEMES: Final = ("http://", "https://")
FILE_BYTES_MAX: Final = (ENTRY_BYTES_MAX + 2) * WIDTH
"""A bundle of the largest entries."""


class SourceUnavailable(EcoklitError):
    """The log could not be asked: whether it has something is not known."""

    def __init__(self, message: str) -> None:
        super().__init__("log_unavailable", message)


class FolderSource:
    """A log below `folder`: its public part, its bundles, or a copy of either."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SourceUnavailable(f"{folder} is no folder: name that of a log, or its address (https://…).")
        self._folder = folder / PUBLIC if (folder / PUBLIC).is_dir() else folder

    def fetch(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def paths(self) -> Iterator[str]:
        """Every file of the log's tree that is there, in order."""
        found = (path for path in (self._folder / "tile").rglob("*") if path.is_file())
        return iter(sorted(path.relative_to(self._folder).as_posix() for path in found))


class UrlSource:
    """A log below an address, such as https://log.example.id/9404."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def fetch(self, path: str) -> bytes | None:
        try:
            return _answer(urllib.request.Request(f"{self._url}/{path}"), FILE_BYTES_MAX)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                return None
            raise SourceUnavailable(f"{_shown(self._url)} answered {error.code}: try again later.") from error
        except (OSError, http.client.HTTPException) as error:
            raise SourceUnavailable(
                f"Nobody answers at {_shown(self._url)}: mend the address, or try later."
            ) from error

    def paths(self) -> Iterator[str]:
        """What a server has cannot be listed."""
        return iter(())


def source_of(text: str) -> FolderSource | UrlSource:
    """The log at an address or in a folder."""
    return UrlSource(text) if text.startswith(SCHEMES) else FolderSource(Path(text))


def ask_witness(url: str, request: Request) -> tuple[int, bytes]:
    """The status and body with which the witness at `url` answers (c2sp.org/tlog-witness). Raises SourceUnavailable."""
    if not url.startswith(SCHEMES):
        raise SourceUnavailable(f"'{url[:80]}' is no address of a witness: it begins with http:// or https://.")
    asked = urllib.request.Request(f"{url.rstrip('/')}/add-checkpoint", data=request.written, method="POST")
    try:
        return 200, _answer(asked, NOTE_BYTES_MAX)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(NOTE_BYTES_MAX)
    except (OSError, http.client.HTTPException) as error:
        raise SourceUnavailable(f"No witness answers at {_shown(url)}: mend its address, or try later.") from error


def _answer(request: urllib.request.Request, bytes_max: int) -> bytes:
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX) as answer:
        data: bytes = answer.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise OSError("more bytes than anything of a log has")
    return data


def _shown(url: str) -> str:
    """Host and port, without a password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
