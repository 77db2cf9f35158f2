"""`ecoklit account`: from an empty database to a signed-in reader, and what is refused on the way."""

from __future__ import annotations

import io
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from base64 import b32decode
from collections.abc import Iterator
from typing import Any

import pytest
from commands import Done, Folder, Up, fresh_folder, up

from ecoklit.cli.exits import Exit
from ecoklit.testing.made_up_accounts import App

PASSWORD = "lima kata acak sekali saja"


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Folder, Up]]:
    with fresh_folder() as name:
        folder = Folder(name / "data", ECOKLIT_REGENCY="9404")
        folder.init()
        with up(folder) as running:
            yield folder, running


def typed(folder: Folder, monkeypatch: pytest.MonkeyPatch, text: str, *argv: str) -> Done:
    """A command with something on standard input."""
    with monkeypatch.context() as typing:
        typing.setattr(sys, "stdin", io.StringIO(text))
        return folder.run("account", *argv)


def posted(running: Up, path: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    request = urllib.request.Request(
        running.url + path, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def app_of(uri: str) -> App:
    """An authenticator app that was shown a login's codes."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(uri).query)
    return App(b32decode(query["secret"][0]))


def test_from_nobody_to_a_second_person(service: tuple[Folder, Up], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the database makes the first accounts; one signs in over HTTP with password and code, asks, is
    answered by a second person at the terminal, and is out when its sessions are ended, its password is changed, or it
    is closed."""
    folder, running = service
    made = {}
    for login, role in (("rina", "analyst"), ("siti", "kpu")):
        done = typed(folder, monkeypatch, PASSWORD + "\n", "add", login, "--role", role, "--area", "94.04", "--json")
        assert done.returncode == 0, done.stderr
        made[login] = app_of(json.loads(done.stdout)["totp"])
        assert PASSWORD not in done.stdout + done.stderr
    assert [one["login"] for one in folder.said("account list")] == ["rina", "siti"]

    status, opened = posted(
        running, "/v1/sessions", {"login": "rina", "password": PASSWORD, "code": made["rina"].code()}
    )
    assert status == 200, opened
    headers = {"Authorization": f"Bearer {opened['token']}"}
    asked = {"kind": "budget", "area": "94.04", "says": "the plenary reads every list today"}
    status, approval = posted(running, "/v1/approvals", asked, headers)
    assert status == 200
    assert [one["approval"] for one in folder.said("account approvals")] == [approval["approval"]]
    assert {one["kind"] for one in folder.said("account alerts", "--seen")} == {"approval_needed"}
    assert folder.said("account alerts") == []

    own = typed(
        folder, monkeypatch, f"{PASSWORD}\n{made['rina'].code()}\n", "approve", approval["approval"], "--by", "rina"
    )
    assert (own.returncode, own.stderr.split(":")[1].strip()) == (Exit.DIFFERS, "not_your_right")
    wrong = typed(folder, monkeypatch, f"{PASSWORD}\n000000\n", "approve", approval["approval"], "--by", "siti")
    assert wrong.returncode == Exit.USAGE and "not_signed_in" in wrong.stderr
    done = typed(
        folder, monkeypatch, f"{PASSWORD}\n{made['siti'].code()}\n",
        "approve", approval["approval"], "--by", "siti", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout) == {"approval": approval["approval"], "granted": True}

    assert [one["login"] for one in folder.said("account sessions")] == ["rina"]
    assert folder.said("account revoke", "rina") == [{"login": "rina", "ended": 1}]
    assert posted(running, "/v1/approvals", asked, headers)[0] == 401
    token = folder.said("account token", "rina")[0]["token"]
    assert posted(running, "/v1/approvals", asked, {"Authorization": f"Bearer {token}"})[0] == 200
    done = typed(folder, monkeypatch, "another five random words\n", "password", "rina")
    assert done.returncode == 0, done.stderr
    assert posted(running, "/v1/approvals", asked, {"Authorization": f"Bearer {token}"})[0] == 401
    assert app_of(folder.said("account totp", "rina")[0]["totp"]).secret != made["rina"].secret
    assert folder.said("account rights", "rina", "--right", "export") == [{"login": "rina", "rights": ["export"]}]
    assert folder.run("account", "close", "rina").returncode == 0
    assert folder.run("account", "token", "rina").returncode == Exit.USAGE
    acts = folder.said("account log")
    assert [(one["login"], one["action"], one["area"], one["reason"]) for one in acts] == [
        (None, f"account {act}", "9404", said)
        for act, said in (
            ("add", "rina analyst 9404 -"), ("add", "siti kpu 9404 accounts,approve,decide"), ("revoke", "rina"),
            ("token", "rina"), ("password", "rina"), ("totp", "rina"), ("rights", "rina export"), ("close", "rina"),
        )
    ]  # fmt: skip
    (found,) = folder.said("account log", "--verify")
    assert (found["entries"], found["broken"]) == (len(acts), None)


def test_what_the_terminal_shows_is_in_the_log_too(service: tuple[Folder, Up]) -> None:
    """Lists that name voters are written down with nobody's account; figures, which name none, are not."""
    folder, _ = service
    before = len(folder.said("account log"))
    for command, area in (
        ("roll", "94.04.01.2001.001"),
        ("conflicts", "94.04"),
        ("movers", "94.04.01"),
        ("recap", "94.04"),
    ):
        assert folder.run(command, area).returncode == 0
    entries = folder.said("account log")[before:]
    assert [(one["login"], one["action"], one["area"]) for one in entries] == [
        (None, "roll", "9404012001001"), (None, "conflicts", "9404"), (None, "movers", "940401"),
    ]  # fmt: skip
    assert folder.said("account log", "--verify")[0]["broken"] is None


@pytest.mark.parametrize(
    ("code", "password", "argv"),
    [
        ("bad_login", PASSWORD, ["add", "9404014107900001", "--role", "kpu", "--area", "9404"]),
        ("bad_login", PASSWORD, ["add", "Siti!", "--role", "kpu", "--area", "9404"]),
        ("bad_account", PASSWORD, ["add", "budi", "--role", "kpu", "--area", "94"]),
        ("bad_account", PASSWORD, ["add", "budi", "--role", "analyst", "--area", "9404", "--right", "unmask"]),
        ("bad_password", "short", ["add", "budi", "--role", "kpu", "--area", "9404"]),
        ("bad_password", "aaaaaaaaaaaaaaaaaaaa", ["add", "budi", "--role", "kpu", "--area", "9404"]),
        ("bad_password", "budi is my own name here", ["add", "budi", "--role", "kpu", "--area", "9404"]),
        ("bad_account", "", ["add", "budi", "--role", "kpu", "--area", "9404", "--subject", "nobody"]),
        ("login_taken", PASSWORD, ["add", "siti", "--role", "kpu", "--area", "9404"]),
        ("unknown_account", "", ["close", "nobody"]),
        ("unknown_account", "", ["revoke", "nobody"]),
        ("unknown_account", "", ["unlock", "nobody"]),
        ("unknown_account", PASSWORD, ["password", "nobody"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_terms_make_nothing(
    service: tuple[Folder, Up], monkeypatch: pytest.MonkeyPatch, code: str, password: str, argv: list[str]
) -> None:
    """Each is refused by its name in one sentence that does not repeat a number, and no account is made or changed."""
    folder, _ = service
    if not any(one["login"] == "siti" for one in folder.said("account list")):
        typed(folder, monkeypatch, PASSWORD + "\n", "add", "siti", "--role", "kpu", "--area", "9404")
    before = folder.said("account list")
    done = typed(folder, monkeypatch, password + "\n", *argv)
    assert (done.returncode, done.stderr.split(":")[1].strip()) == (Exit.USAGE, code)
    assert len(done.stderr.splitlines()) == 1 and "9404014107900001" not in done.stderr
    assert folder.said("account list") == before
