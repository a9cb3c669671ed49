"""`karya` when something is wrong from the start: one clear line, an exit code, nothing left running."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.command import await_nothing_left, karya


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def refusal(home: Path, result: "subprocess.CompletedProcess[str]") -> str:
    """The one line that explains it; the steps before it end in an ellipsis."""
    await_nothing_left(home)
    told = [line for line in result.stderr.splitlines() if not line.endswith("…")]
    assert len(told) == 1, result.stderr
    assert result.stdout == ""
    return told[0]


def test_a_taken_port_is_told_before_anything_is_started(tmp_path: Path, taken: int) -> None:
    result = karya(tmp_path, "up", "--port", str(taken))
    assert refusal(tmp_path, result) == (
        f"karya: port {taken} of 127.0.0.1 is taken: stop what listens there, or choose another with --port"
    )
    assert result.returncode == 2
    assert not (tmp_path / ".karya").exists()


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    result = karya(tmp_path, "up", "--port", "0", "--data-dir", "data")
    assert "in a file: choose a directory" in refusal(tmp_path, result)
    assert result.returncode == 2


def test_an_unknown_setting_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "karya.yaml").write_text("store: {ur: x}\n")
    result = karya(tmp_path, "up")
    assert refusal(tmp_path, result) == "karya: store.ur: unknown setting; did you mean store.url?"
    assert result.returncode == 2


def test_a_wrong_key_of_a_connector_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "karya.yaml").write_text("connectors: {slack: {tokn: geheim}}\n")
    result = karya(tmp_path, "up", "--port", "0")
    message = refusal(tmp_path, result)
    assert "connectors.slack.token: required" in message
    assert "connectors.slack.tokn: unknown setting; did you mean token?" in message
    assert "geheim" not in message
    assert result.returncode == 2
    assert not (tmp_path / ".karya").exists()


def test_a_missing_extra_is_named_before_anything_is_started(tmp_path: Path) -> None:
    hiding = tmp_path / "hiding" / "opentelemetry"
    hiding.mkdir(parents=True)
    (hiding / "__init__.py").write_text("")
    (tmp_path / "karya.yaml").write_text("traces: {enabled: true}\n")
    paths = os.pathsep.join(filter(None, (str(hiding.parent), os.environ.get("PYTHONPATH"))))
    result = karya(tmp_path, "up", "--port", "0", PYTHONPATH=paths)
    assert refusal(tmp_path, result).startswith(
        "karya: traces.enabled: takes pip install 'karya[traces]' (No module named 'opentelemetry."
    )
    assert result.returncode == 2
    assert not (tmp_path / ".karya").exists()


def test_a_settings_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    result = karya(tmp_path, "up", "--config", "nowhere.yaml")
    assert "the settings file nowhere.yaml does not exist" in refusal(tmp_path, result)
    assert result.returncode == 2


@pytest.mark.cluster
def test_an_unreachable_mongodb_is_given_up_within_its_timeout(tmp_path: Path) -> None:
    (tmp_path / "karya.yaml").write_text("store: {timeout: PT2S}\n")
    started = time.monotonic()
    result = karya(tmp_path, "up", "--port", "0", "--mongo-url", "mongodb://127.0.0.1:1")
    told = refusal(tmp_path, result)
    assert told.startswith("karya: MongoDB does not acknowledge: 127.0.0.1:1: ")
    assert told.endswith("; store.url says where it is")
    assert result.returncode == 5
    assert time.monotonic() - started < 25


@pytest.mark.cluster
def test_a_wrong_ray_address_is_named(tmp_path: Path) -> None:
    result = karya(tmp_path, "up", "--port", "0", "--address", "127.0.0.1:1")
    assert "karya: no Ray answers at ray.address '127.0.0.1:1'" in refusal(tmp_path, result)
    assert result.returncode == 2


def test_the_other_commands_say_that_nothing_runs(tmp_path: Path) -> None:
    for command in (["status"], ["jobs"], ["job", "x"], ["cancel", "x"]):
        result = karya(tmp_path, *command)
        assert "no cluster runs on the data directory .karya" in refusal(tmp_path, result)
        assert result.returncode == 5


def test_a_gateway_that_does_not_answer_is_named(tmp_path: Path) -> None:
    result = karya(tmp_path, "status", "--url", "http://127.0.0.1:1")
    assert "karya: no gateway answers at http://127.0.0.1:1" in refusal(tmp_path, result)
    assert result.returncode == 5


def test_down_without_a_cluster_has_nothing_to_do(tmp_path: Path) -> None:
    result = karya(tmp_path, "down")
    assert result.stdout == f"no cluster runs on the data directory {tmp_path / '.karya'}\n"
    assert result.returncode == 0
