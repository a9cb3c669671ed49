"""A real Prometheus, from Debian's package: unpacked by `make prometheus`, or installed."""

import json
import math
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from karya.store.mongod.port import free_port
from tests.support.eventually import eventually

CONFIGS = Path(__file__).parents[2] / "configs" / "prometheus"
UNPACKED = Path(sys.prefix) / "prometheus" / "usr" / "bin"


def tool(name: str) -> str:
    """Where a program of that package is. Without it the test is skipped, or fails where it must run (CI)."""
    found = shutil.which(name, path=f"{UNPACKED}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        missing = f"{name} is not there: `make prometheus` unpacks Debian's package, where there is one"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return found


def promtool(*arguments: str | Path, text: str = "") -> str:
    """What `promtool` says to this input; it fails when promtool does."""
    command = [tool("promtool"), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Prometheus:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, **parameters: str) -> Any:
        """The data that its API answers; AssertionError with its words when it refuses."""
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression: str) -> list[Any]:
        """The series that this gives now."""
        result: list[Any] = self.get("query", query=expression)["result"]
        return result

    def value(self, expression: str) -> float:
        """The only number that this gives; NaN when it gives none."""
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else float("nan")

    def numbers(self, expression: str) -> list[float]:
        """What this gives now that can be drawn: neither NaN nor infinite."""
        values = (float(series["value"][1]) for series in self.query(expression))
        return [value for value in values if math.isfinite(value)]

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        alerts = self.get("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def await_alerts(self, names: Collection[str], timeout: float) -> None:
        """Waits until all of these fire at once; AssertionError with those that do not."""
        missing = set(names)

        def look() -> bool:
            missing.clear()
            missing.update(set(names) - self.firing())
            return not missing

        try:
            eventually(look, timeout)
        except AssertionError:
            raise AssertionError(f"do not fire within {timeout:g} s: {sorted(missing)}") from None

    def is_ready(self) -> bool:
        """Whether it has read what it kept, and answers."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def impatient(directory: Path) -> Path:
    """A copy of the alerts that Karya ships which fire after a second of what they are about."""
    rules = yaml.safe_load((CONFIGS / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["for"] = "1s"
    copy = directory / "alerts.yml"
    copy.write_text(yaml.safe_dump(rules))
    return copy


@contextmanager
def scraping(targets: list[str], directory: Path) -> Iterator[Prometheus]:
    """One with the configuration and the alerts that Karya ships, but for their patience, which reads these
    hosts and ports every two seconds."""
    config = yaml.safe_load((CONFIGS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "2s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(impatient(directory))]
    (scrape,) = config["scrape_configs"]
    scrape["scrape_timeout"] = "2s"
    scrape["static_configs"] = [{"targets": targets}]
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    log = (directory / "prometheus.log").open("wb")
    process = subprocess.Popen(
        [
            tool("prometheus"),
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={address}",
        ],
        stdout=log,
        stderr=log,
    )
    try:
        started = Prometheus(f"http://{address}")
        eventually(started.is_ready, 30, "Prometheus")
        yield started
    finally:
        process.terminate()
        process.wait(30)
        log.close()
