"""`ecoklit init`: an election is opened once, its root key leaves the machine, and its kit brings the rest back."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ecoklit.adapters.data_folder import key_folder, load_key, read_election
from ecoklit.adapters.office_registry import OfficeRegistry
from ecoklit.cli import office as command
from ecoklit.cli.main import main
from ecoklit.core.registry_event import Assigned, DeviceEnrolled, ElectionOpened, TpsSet, read_line

PASSPHRASE = "lima kata yang tidak tertebak"
TPS = ("94.04.01.2001.002", "9404012001001")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ECOKLIT_ELECTION", "ECOKLIT_REGENCY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ECOKLIT_DATA", str(tmp_path / "data"))
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    (tmp_path / "tps").write_text("\n".join([*TPS, ""]))


def init(tmp_path: Path, *more: str, passphrase: str = "passphrase") -> int:
    return main(["init", "--json", "--passphrase-file", str(tmp_path / passphrase), *more])


def opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert init(tmp_path, "--kit", str(tmp_path), "--tps-file", str(tmp_path / "tps"), "--officer", "kpu-mimika") == 0
    return json.loads(capsys.readouterr().out)


def kit(tmp_path: Path, kind: str = "txt") -> Path:
    return tmp_path / f"ecoklit-kit-pilkada-2024-9404.{kind}"


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error.removeprefix("ecoklit: ")


def test_an_election_is_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The office's registry begins with the root opening the election, and the office as the regency's kpu."""
    names = opened(tmp_path, capsys)
    with OfficeRegistry(tmp_path / "data" / "office" / "pilkada-2024-9404") as office:
        lines = [read_line(line) for line in office.unsent()]
    events = [line.event for line in lines]
    assert [type(event) for event in events] == [ElectionOpened, DeviceEnrolled, Assigned, TpsSet]
    opening, enrolled, assigned, places = events
    assert isinstance(opening, ElectionOpened) and all(line.signed_by(opening.root) for line in lines)
    assert [service.device for service in opening.services] == [names["service"]]
    assert isinstance(enrolled, DeviceEnrolled) and (enrolled.enrolled, enrolled.holder) == (
        names["office"],
        "kpu-mimika",
    )
    assert isinstance(assigned, Assigned) and (assigned.role_assigned, assigned.area) == ("kpu", "9404")
    assert isinstance(places, TpsSet) and places.tps == ["9404012001001", "9404012001002"]
    assert read_election(tmp_path / "data") == {"election": "pilkada-2024", "regency": "9404"}


def test_the_root_key_is_nowhere_but_in_the_kit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The machine keeps the office's and the service's keys, for their owner alone, and no trace of the root's seed."""
    names = opened(tmp_path, capsys)
    keys = key_folder(tmp_path / "data", "pilkada-2024", "9404")
    assert load_key(keys, "office").device == names["office"]
    assert load_key(keys, "service").device == names["service"]
    assert {path.name for path in keys.glob("*.key")} == {"office.key", "service.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (kit(tmp_path), kit(tmp_path, "html"))} == {0o600}
    from ecoklit.core.recovery_kit import open_kit, read_kit

    root = open_kit(read_kit(kit(tmp_path).read_text()), PASSPHRASE).root
    assert root.device == names["root"]
    from ecoklit.core import ids

    seeds = (root.seed, root.seed.hex().encode(), ids.to_base64url(root.seed).encode())
    for path in (tmp_path / "data").rglob("*"):
        assert path.is_dir() or not any(seed in path.read_bytes() for seed in seeds)


@pytest.mark.parametrize("source", ["text", "page", "typed"])
def test_a_kit_brings_the_keys_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """On a new machine the text file, the page, or what was typed from paper brings back the same keys, and no root."""
    names = opened(tmp_path, capsys)
    typed = [line.lower().replace("0", "o") for line in kit(tmp_path).read_text().splitlines() if line[2:3] == "/"]
    (tmp_path / "typed").write_text("\n".join(typed))
    given = {"text": kit(tmp_path), "page": kit(tmp_path, "html"), "typed": tmp_path / "typed"}[source]
    monkeypatch.setenv("ECOKLIT_DATA", str(tmp_path / "new"))
    assert init(tmp_path, "--restore", str(given)) == 0
    restored = json.loads(capsys.readouterr().out)
    assert restored == {name: names[name] for name in ("election", "regency", "root", "office", "service")} | {
        "restored": True
    }
    keys = key_folder(tmp_path / "new", "pilkada-2024", "9404")
    assert (load_key(keys, "office").device, load_key(keys, "service").device) == (names["office"], names["service"])
    assert {path.name for path in keys.glob("*.key")} == {"office.key", "service.key"}


def test_a_second_init_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second init is refused by name; keys, kit and registry are as they were. Restoring the same kit is free."""
    opened(tmp_path, capsys)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.key")} | {kit(tmp_path): kit(tmp_path).read_bytes()}
    assert init(tmp_path, "--kit", str(tmp_path / "other")) == 4
    assert sentence(capsys).startswith("office_exists: ")
    assert init(tmp_path, "--restore", str(kit(tmp_path))) == 0
    assert before == {path: path.read_bytes() for path in before}
    assert not (tmp_path / "other").exists()
    with OfficeRegistry(tmp_path / "data" / "office" / "pilkada-2024-9404") as office:
        assert len(office.unsent()) == 4


def test_another_elections_kit_is_kept_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kit whose root is another's is not restored over an office, and no key of it stays behind."""
    opened(tmp_path, capsys)
    monkeypatch.setenv("ECOKLIT_DATA", str(tmp_path / "other"))
    assert init(tmp_path, "--kit", str(tmp_path / "kit")) == 0
    capsys.readouterr()
    assert init(tmp_path, "--restore", str(kit(tmp_path))) == 4
    assert sentence(capsys).startswith("other_office: ")


@pytest.mark.parametrize("victim", ["_save_keys", "OfficeRegistry.make"])
def test_killed_on_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    """Cut off after the kit was written, the kit is never overwritten; with it, or anew, the election is completed."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"ecoklit.bootstrap.office.{victim}", killed)
        assert init(tmp_path, "--kit", str(tmp_path)) == 130
    capsys.readouterr()
    assert init(tmp_path, "--kit", str(tmp_path)) in (2, 4)
    assert sentence(capsys).startswith("kit_exists: " if victim == "OfficeRegistry.make" else "office_exists: ")
    if victim == "OfficeRegistry.make":
        assert init(tmp_path, "--kit", str(tmp_path / "again")) == 0
    else:
        assert init(tmp_path, "--restore", str(kit(tmp_path))) == 0
    with OfficeRegistry(tmp_path / "data" / "office" / "pilkada-2024-9404") as office:
        assert len(office.unsent()) == 3
    assert len(list((tmp_path / "data").rglob("*.key"))) == 2


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["--passphrase-file", "{tmp}/short"], 2, "bad_passphrase: The passphrase is shorter than 15"),
        (["--passphrase-file", "{tmp}/none"], 2, "bad_passphrase: "),
        (["--passphrase-file", "{tmp}/bytes"], 2, "bad_passphrase: "),
        ([], 2, "bad_passphrase: Nobody is here to type"),
        (
            ["--passphrase-file", "{tmp}/passphrase", "--tps-file", "{tmp}/bad_tps"],
            2,
            "bad_tps: {tmp}/bad_tps, line 2: ",
        ),
        (["--passphrase-file", "{tmp}/passphrase", "--tps-file", "{tmp}/empty"], 2, "bad_tps: "),
        (["--passphrase-file", "{tmp}/passphrase", "--restore", "{tmp}/none"], 2, "bad_argument: "),
        (["--passphrase-file", "{tmp}/passphrase", "--restore", "{tmp}/tps"], 2, "bad_kit: No line of a recovery kit"),
    ],
)
def test_a_wrong_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], code: int, said: str
) -> None:
    """Each wrong input ends with one sentence, before anything was made."""
    (tmp_path / "short").write_text("pendek")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff" * 20)
    (tmp_path / "bad_tps").write_text("9404012001001\n9501012001001\n")
    assert main(["init", "--kit", str(tmp_path / "kit"), *(word.format(tmp=tmp_path) for word in argv)]) == code
    assert sentence(capsys).startswith(said.format(tmp=tmp_path))
    assert not list((tmp_path / "data").rglob("*.key"))
    assert not (tmp_path / "kit").exists()


def test_a_wrong_passphrase_or_election_restores_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong passphrase, and a kit of another election than was asked for, are one sentence each; nothing is made."""
    opened(tmp_path, capsys)
    (tmp_path / "wrong").write_text("lima kata yang salah semuanya")
    monkeypatch.setenv("ECOKLIT_DATA", str(tmp_path / "new"))
    assert init(tmp_path, "--restore", str(kit(tmp_path)), passphrase="wrong") == 2
    assert sentence(capsys).startswith("wrong_passphrase: ")
    monkeypatch.setenv("ECOKLIT_ELECTION", "pemilu-2029")
    assert init(tmp_path, "--restore", str(kit(tmp_path))) == 2
    assert sentence(capsys).startswith("other_election: ")
    assert not list((tmp_path / "new").rglob("*.key"))


def test_a_folder_is_of_one_election(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data folder of one election refuses to open another."""
    opened(tmp_path, capsys)
    monkeypatch.setenv("ECOKLIT_ELECTION", "pemilu-2029")
    assert init(tmp_path, "--kit", str(tmp_path / "kit")) == 2
    assert sentence(capsys).startswith("other_election: ")


def test_a_passphrase_is_typed_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed at a terminal the passphrase is asked for twice, never shown, and two different ones make nothing."""
    typed = [PASSPHRASE, "lima kata yang lain semuanya", PASSPHRASE, PASSPHRASE]
    monkeypatch.setattr(command.getpass, "getpass", lambda _: typed.pop(0))
    monkeypatch.setattr(command.sys.stdin, "isatty", lambda: True, raising=False)
    assert main(["init", "--kit", str(tmp_path)]) == 2
    assert "differ" in capsys.readouterr().err
    assert main(["init", "--kit", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert PASSPHRASE not in shown.out + shown.err
    assert "ecoklit up" in shown.out
