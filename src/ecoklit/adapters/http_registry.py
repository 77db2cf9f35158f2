"""The registry over HTTP: `services.desk.RegistryLink` for an office on another machine than the service."""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
import urllib.request

from ecoklit.adapters.http_service import ANSWER_SECONDS_MAX, HttpService, _refusal, _shown
from ecoklit.core.event import Malformed
from ecoklit.core.push_file import lines_of
from ecoklit.core.registry_event import read_line
from ecoklit.ports import ServiceUnavailable


class HttpRegistry(HttpService):
    """The service at `url`, where registry lines are pushed and read."""

    async def registry(self, after: int) -> list[tuple[int, bytes]]:
        """Every registry line above the position `after`. Raises ServiceUnavailable."""
        lines: list[tuple[int, bytes]] = []
        while page := await asyncio.get_running_loop().run_in_executor(self._threads, self._page, after + len(lines)):
            # The registry never deletes, so positions have no holes.
            lines.extend(enumerate(page, after + len(lines) + 1))
        return lines

    def _page(self, after: int) -> list[bytes]:
        try:
            with urllib.request.urlopen(f"{self._url}/v1/registry?after={after}", timeout=ANSWER_SECONDS_MAX) as answer:
                lines = lines_of(answer.read())
            for line in lines:
                read_line(line)  # another server at that address says something else
            return lines
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, http.client.HTTPException, Malformed) as error:
            raise ServiceUnavailable(
                f"No registry of ecoklit answers at {_shown(self._url)}: start the service or mend its address."
            ) from error
