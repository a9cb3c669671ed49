"""Where settings come from, and which of two wins."""

from pathlib import Path

import pytest

from karya.cli.config import load_settings
from karya.core.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("KARYA_CONFIG", "KARYA_GATEWAY__PORT", "KARYA_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(None, {"gateway.port": None}).gateway.port == 8080


def test_each_source_is_overridden_by_the_next(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "karya.yaml").write_text("gateway: {port: 1}")
    assert load_settings(None, {}).gateway.port == 1
    (home / "named.yaml").write_text("gateway: {port: 2}")
    monkeypatch.setenv("KARYA_CONFIG", "named.yaml")
    assert load_settings(None, {}).gateway.port == 2
    (home / "given.yaml").write_text("gateway: {port: 3}")
    assert load_settings(Path("given.yaml"), {}).gateway.port == 3
    monkeypatch.setenv("KARYA_GATEWAY__PORT", "4")
    assert load_settings(Path("given.yaml"), {}).gateway.port == 4
    assert load_settings(Path("given.yaml"), {"gateway.port": 5}).gateway.port == 5


def test_a_file_that_was_named_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"given\.yaml does not exist"):
        load_settings(Path("given.yaml"), {})
    monkeypatch.setenv("KARYA_CONFIG", "named.yaml")
    with pytest.raises(ConfigError, match=r"named\.yaml does not exist"):
        load_settings(None, {})


def test_a_file_that_cannot_be_read_is_named(home: Path) -> None:
    (home / "karya.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"karya\.yaml cannot be read"):
        load_settings(None, {})


def test_a_file_that_is_no_text_is_named(home: Path) -> None:
    (home / "karya.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"karya\.yaml cannot be read"):
        load_settings(None, {})


def test_secrets_are_read_for_those_who_ask(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "token").write_text("xoxb-1\n")
    (home / "karya.yaml").write_text(
        "connectors: {slack: {token: '${file:token}'}, email: {password: '${env:MAIL_PASSWORD}'}}"
    )
    monkeypatch.delenv("MAIL_PASSWORD", raising=False)
    assert load_settings(None, {}).connectors["slack"] == {"token": "${file:token}"}
    with pytest.raises(ConfigError, match=r"connectors\.email\.password: .*MAIL_PASSWORD.* is not set"):
        load_settings(None, {}, secrets=True)
    monkeypatch.setenv("MAIL_PASSWORD", "geheim")
    settings = load_settings(None, {}, secrets=True)
    assert settings.connectors == {"slack": {"token": "xoxb-1"}, "email": {"password": "geheim"}}


def test_the_token_of_the_commands_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever exports it for `karya jobs` wants `karya up` to go on working."""
    monkeypatch.setenv("KARYA_TOKEN", "karya_x")
    assert load_settings(None, {}) == load_settings(None, {"gateway.port": 8080})
