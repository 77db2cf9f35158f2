"""Metrics are for whoever runs the service: from the machine itself, or with a token."""

from __future__ import annotations

import pytest
from litestar.testing import RequestFactory

from ecoklit.http.metrics import demand_operator
from ecoklit.problems import ProblemError

TOKEN = "a-token-of-twenty-characters"


def asked(address: str, **headers: str) -> None:
    request = RequestFactory().get("/metrics", headers={name.replace("_", "-"): one for name, one in headers.items()})
    request.scope["client"] = (address, 1)
    demand_operator(request, TOKEN)


def test_from_this_machine_nothing_is_needed() -> None:
    """Loopback of both kinds, as long as no proxy passes somebody else's request on."""
    for address in ("127.0.0.1", "127.8.0.1", "::1"):
        asked(address)
        with pytest.raises(ProblemError):
            asked(address, x_forwarded_for="127.0.0.1")


def test_from_elsewhere_the_token_is_needed_whole() -> None:
    """The token lets in from anywhere, through a proxy too; a part of it, another one or none does not."""
    asked("198.51.100.7", authorization=f"Bearer {TOKEN}", x_forwarded_for="198.51.100.8")
    for said in ("", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN):
        with pytest.raises(ProblemError) as refused:
            asked("198.51.100.7", authorization=said)
        assert refused.value.code == "not_entitled" and "ECOKLIT_METRICS_TOKEN" in refused.value.message
