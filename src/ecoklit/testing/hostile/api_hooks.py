"""What schemathesis is told of this service: how a push is written, which answer leads to which question, and that
every refusal is a problem. It loads this module by its name, `SCHEMATHESIS_HOOKS`.

The service it attacks is of the made-up election that `ELECTION` names, with the phones of `phone_names`.
"""

from __future__ import annotations

import itertools
import os
from functools import cache
from typing import Any, Final

import msgspec
import schemathesis
from hypothesis import strategies as st

from ecoklit.core import ids
from ecoklit.core.device_log import DeviceLog
from ecoklit.core.event import RECORD_FIELDS
from ecoklit.core.signing import pull_message
from ecoklit.core.wire import Held
from ecoklit.problems import MEDIA_TYPE, Problem
from ecoklit.testing.made_up_keys import made_up_key
from ecoklit.testing.made_up_registry import signed_push

ELECTION: Final = "ECOKLIT_HOSTILE_ELECTION"
REGENCY: Final = "9404"
VILLAGE: Final = "9404012001"
TPS: Final = f"{VILLAGE}001"
PHONES: Final = 6
EVENTS: Final = 8
NDJSON: Final = "application/x-ndjson"
NONCE: Final = "Ecoklit-Nonce"
AT: Final = "2024-06-25T09:00:00+09:00"

READERS: Final = "ECOKLIT_HOSTILE_READERS"

_nonces: list[str] = [""]
_tokens = itertools.cycle(os.environ.get(READERS, "").split())


def phone_names() -> list[str]:
    """The devices that push: offices of the regency, each with a log of its own."""
    return [f"office-{nth}" for nth in range(PHONES)]


@cache
def log_of(name: str) -> tuple[Held, ...]:
    """All that a phone ever says: voters that it lists."""
    key = made_up_key(1, name)
    log = DeviceLog(os.environ[ELECTION], key.device, officer=name, role="kpu", policy="2024-1")
    person = {"salt": ids.to_base64url(bytes(16)), "record": dict.fromkeys(RECORD_FIELDS) | {"name": "Contoh"}}
    return tuple(log.append("listed", tps=TPS, at=AT, source="dp4-2024", person=person) for _ in range(EVENTS))


# --- what is sent ----------------------------------------------------------------------------------------------------


@schemathesis.serializer(NDJSON)
def ndjson(_: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def pushes() -> st.SearchStrategy[bytes]:
    """Parts of a log, in their place or before it, whole or spoiled. Most begin at its beginning: what goes on from
    nothing is refused."""
    first = st.one_of(st.just(0), st.just(0), st.integers(0, EVENTS - 1))
    part = st.tuples(st.sampled_from(phone_names()), first, st.integers(1, EVENTS))
    good = part.map(lambda one: signed_push(log_of(one[0])[one[1] : one[1] + one[2]]))
    spoiled = st.tuples(good, st.integers(0, 4000), st.binary(max_size=3)).map(
        lambda one: one[0][: one[1]] + one[2] + one[0][one[1] + 1 :]
    )
    return st.one_of(good, spoiled)


@schemathesis.hook
def before_generate_body(context: Any, strategy: Any) -> Any:
    # Few requests go to each route: of those to this one, most are pushes.
    return st.one_of(strategy, pushes(), pushes(), pushes()) if _path(context) == "/v1/push" else strategy


@schemathesis.hook
def before_generate_path_parameters(context: Any, strategy: Any) -> Any:
    known: dict[str, st.SearchStrategy[str]] = {
        "tps": st.just(TPS),
        "area": st.sampled_from((REGENCY, "94.04.01", VILLAGE, TPS)),
        "device": st.sampled_from(phone_names()).map(lambda name: made_up_key(1, name).device),
        "voter": st.sampled_from(phone_names()).map(lambda name: log_of(name)[0].voter),
    }
    names = [one for one in known if f"{{{one}}}" in _path(context)]
    return st.one_of(strategy, st.fixed_dictionaries({name: known[name] for name in names})) if names else strategy


def _path(context: Any) -> str:
    return "" if context.operation is None else str(context.operation.path)


@schemathesis.hook("before_call")
def sign_in(context: Any, case: Any, _: Any) -> None:
    """Ask as one after the other of those who have signed in; nobody is to sign them out."""
    if case.operation.path != "/v1/session" or case.operation.method.upper() != "DELETE":
        case.headers["Authorization"] = f"Bearer {next(_tokens)}"


@schemathesis.hook
def before_call(context: Any, case: Any, _: Any) -> None:
    """Half of the pulls that are right by their form are signed by an enrolled device, and right altogether."""
    if case.operation.path != "/v1/pull" or not isinstance(case.query, dict) or len(str(case.query)) % 2:
        return
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    key = made_up_key(1, phone_names()[0])
    tps, cursor = TPS, str(case.query.get("cursor", ""))
    case.query |= {"tps": tps, "cursor": cursor}
    message = pull_message(os.environ[ELECTION], key.device, _nonces[-1], tps, cursor)
    signed = {NONCE: _nonces[-1], "Ecoklit-Device": key.device, "Ecoklit-Signature": key.signature(message)}
    for name, value in signed.items():
        case.headers[name] = value


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    fresh = response.headers.get(NONCE.lower())
    if fresh:
        _nonces[-1] = fresh[0]


# --- what leads to what ----------------------------------------------------------------------------------------------


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """The links that make a run stateful; the document itself has none."""
    paths = raw_schema["paths"]
    names = {path: next(iter(item.values()))["operationId"] for path, item in paths.items()}

    def link(source: str, target: str, parameter: str, expression: str) -> None:
        method = next(iter(paths[source].values()))
        links = method["responses"]["200"].setdefault("links", {})
        links[f"{target}#{len(links)}"] = {"operationId": names[target], "parameters": {parameter: expression}}

    for target, parameter in (
        ("/v1/recap/{area}", "area"),
        ("/v1/conflicts/{area}", "area"),
        ("/v1/devices/{area}", "area"),
        ("/v1/rolls/{tps}", "tps"),
    ):
        link("/v1/recap/{area}", target, parameter, "$response.body#/rows/0/area")
    link("/v1/rolls/{tps}", "/v1/voters/{voter}/history", "voter", "$response.body#/voters/0/voter")
    link("/v1/devices/{area}", "/v1/credentials/{device}", "device", "$response.body#/devices/0/device")
    link("/v1/push", "/v1/credentials/{device}", "device", "$response.body#/receipt/device")
    link("/v1/push", "/v1/pull", f"header.{NONCE}", f"$response.header.{NONCE}")
    link("/v1/registry", "/v1/pull", f"header.{NONCE}", f"$response.header.{NONCE}")


# --- what every answer must be ---------------------------------------------------------------------------------------


@schemathesis.check
def refusal_is_a_problem(context: Any, response: Any, case: Any) -> None:
    """Every answer that is no success is a problem of the contract's form; one that is to come again says when."""
    status = response.status_code
    if status < 400:
        return
    body = response.content
    assert response.headers["content-type"][0] == MEDIA_TYPE, f"{status} is no problem: {body[:200]!r}"
    problem = msgspec.json.decode(body, type=Problem)
    assert problem.status == status and problem.code and problem.title and problem.detail, problem
    assert status < 500 or (status == 503 and int(response.headers["retry-after"][0]) > 0), problem
