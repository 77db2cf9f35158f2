"""What the service holds of each device, over HTTP, for an office on another machine."""

import asyncio
import http.client
import urllib.error
import urllib.request

import msgspec

from ecoklit.adapters.http_service import ANSWER_SECONDS_MAX, _refusal, _shown
from ecoklit.ports import LastHeld, ServiceUnavailable


class _Device(msgspec.Struct):
    device: str
    held: int
    position: int


class _Devices(msgspec.Struct):
    devices: list[_Device]


class HttpDevices:
    """The service at `url`, such as http://127.0.0.1:8484."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def last_held(self, area: str) -> dict[str, LastHeld]:
        """device → its last event, of every device in the area. Raises ServiceUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(None, self._last_held, area)

    def _last_held(self, area: str) -> dict[str, LastHeld]:
        try:
            with urllib.request.urlopen(f"{self._url}/v1/devices/{area}", timeout=ANSWER_SECONDS_MAX) as answer:
                found = msgspec.json.decode(answer.read(), type=_Devices)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            raise ServiceUnavailable(
                f"No ecoklit answers at {_shown(self._url)}: start the service or mend its address."
            ) from error
        return {one.device: LastHeld(one.held, one.position) for one in found.devices}
