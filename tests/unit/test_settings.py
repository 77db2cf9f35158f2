"""Settings: from the environment, and what an `ecoklit up` left fills the gaps."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoklit.adapters.data_folder import announce, opened
from ecoklit.settings import BadSetting, read_settings


def test_the_environment_wins_over_what_runs(tmp_path: Path) -> None:
    """A variable that is set holds; what is not set comes from the running program, then from the defaults."""
    with opened(tmp_path):
        announce(tmp_path, {"nats_url": "nats://127.0.0.1:1", "database_url": "postgresql://h/d", "regency": "9401"})
        environ = {"ECOKLIT_DATA": str(tmp_path), "ECOKLIT_NATS_URL": "nats://127.0.0.1:2"}
        found = read_settings(environ)
        assert (found.nats(), found.database(), found.regency) == ("nats://127.0.0.1:2", "postgresql://h/d", "9401")
        assert read_settings(environ, running=False).database_url is None
    assert found.election == "pilkada-2024"


def test_credentials_are_for_their_own_broker(tmp_path: Path) -> None:
    """Those of the broker in the data folder are not shown to another broker; a variable is for whichever it is."""
    creds, other = tmp_path / "service.creds", tmp_path / "other.creds"
    creds.touch()
    other.touch()
    with opened(tmp_path):
        announce(tmp_path, {"nats_url": "nats://127.0.0.1:1", "nats_creds": str(creds)})
        environ = {"ECOKLIT_DATA": str(tmp_path)}
        assert read_settings(environ).nats_creds == creds
        environ["ECOKLIT_NATS_URL"] = "nats://127.0.0.1:2"
        assert read_settings(environ).nats_creds is None
        environ["ECOKLIT_NATS_CREDS"] = str(other)
        assert read_settings(environ).nats_creds == other


def test_dots_in_a_regency_are_taken_away() -> None:
    """94.04 and 9404 are one regency."""
    assert read_settings({"ECOKLIT_REGENCY": "94.04"}, running=False).regency == "9404"


def test_a_url_that_is_not_known_says_what_to_do() -> None:
    """Asking for an address that nobody gave names the variable and the command that would give it."""
    with pytest.raises(BadSetting, match=r"ECOKLIT_NATS_URL.*ecoklit up"):
        read_settings({}, running=False).nats()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ECOKLIT_REGENCY", "9"),
        ("ECOKLIT_REGENCY", "0404"),
        ("ECOKLIT_ELECTION", "a b"),
        ("ECOKLIT_ELECTION", "A"),
        ("ECOKLIT_PORT", "65536"),
        ("ECOKLIT_PORT", "-1"),
        ("ECOKLIT_NATS_PORT", "65536"),
        ("ECOKLIT_WEBSOCKET_PORT", "ws"),
        ("ECOKLIT_NATS_CREDS", "/nowhere/service.creds"),
        ("ECOKLIT_NATS_KEYS", "/nowhere"),
        ("ECOKLIT_METRICS_TOKEN", "short"),
        ("ECOKLIT_STOLEN_PASSWORDS", "/nowhere/pwned.txt"),
        ("ECOKLIT_EPOCH", "x"),
        ("ECOKLIT_SCHEMA", 'a"b'),
        ("ECOKLIT_NATS_URL", "127.0.0.1:4222"),
        ("ECOKLIT_DATABASE_URL", "mysql://h/d"),
        ("ECOKLIT_SERVICE_URL", "file:///etc/passwd"),
        ("ECOKLIT_NATS_MONITOR_URL", "nats://h"),
    ],
)
def test_a_wrong_value_names_its_variable_and_not_itself(name: str, value: str) -> None:
    """A setting that cannot be used is named; its value, which may hold a password, is not repeated."""
    with pytest.raises(BadSetting) as refused:
        read_settings({name: value}, running=False)
    assert name in refused.value.message
    assert f"'{value}'" not in refused.value.message
