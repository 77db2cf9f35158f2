"""The load of the benches against a real broker (bench/sync_load_nats.py)."""

from __future__ import annotations

import importlib
from pathlib import Path
from urllib.parse import urlsplit

import nats
import pytest
from nats.aio.msg import Msg

from ecoklit.adapters.embedded_nats import EmbeddedNats
from ecoklit.adapters.nats_accounts import BrokerAccounts
from ecoklit.adapters.nats_credentials import USER, BrokerKey
from ecoklit.testing.made_up_keys import made_up_key

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.parametrize("websocket", [False, True])
async def test_a_phone_at_the_broker_that_is_told_to_wait_sends_again(
    websocket: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By TCP and by WebSocket a phone comes in by its credentials, and each of its pushes is answered once, in its
    order, although the door first says that it is busy."""
    monkeypatch.syspath_prepend(str(BENCH))
    load, user, device = importlib.import_module("sync_load_nats"), BrokerKey.fresh(USER), made_up_key(1, "anna").device
    accounts = BrokerAccounts(tmp_path / "keys")
    asked: list[bytes] = []

    async def answer(message: Msg) -> None:
        asked.append(message.data)
        busy = asked.count(message.data) == 1
        headers = {"Nats-Service-Error-Code": "503", "Retry-After": "0"} if busy else {"Content-Type": "json"}
        body = b"" if busy else b'{"position":{"ECOKLIT-pilkada-2024-9404":%d}}' % len(asked)
        await service.publish(message.reply, body, headers=headers)

    async with await EmbeddedNats.start(tmp_path, accounts=accounts, websocket_port=0) as server:
        service = await nats.connect(server.url, user_credentials=str(accounts.service_credentials))
        await service.subscribe("ecoklit.push.*", cb=answer)
        await service.flush()
        where = urlsplit(server.websocket_url if websocket else server.url)
        phone = load.User(device, accounts.issue_device(device, user.public), user.seed)
        plan = load.NatsPlan("127.0.0.1", where.port, [[b"one", b"two"]], 1000, 0.0, [phone], websocket)
        told = await load.NatsLoad(plan).run()
        await service.close()
    assert asked == [b"one", b"one", b"two", b"two"]
    assert told.statuses == {"503": 2, "200": 2}
    assert told.positions == [2, 4]
    assert told.connected == 1
