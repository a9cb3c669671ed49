"""The files in deploy/: each against the schema of its format, its settings against Karya's own.

None of them is run here: that would take Docker, Kubernetes or root.
"""

import configparser
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose
from pydantic import BaseModel, ConfigDict

from karya.core.configuration import read_settings
from tests.docs.blocks import ROOT

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "karya.service"
COMPOSE = DEPLOY / "compose.yaml"
DOCKERFILE = DEPLOY / "Dockerfile"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
HADOLINT = Path(sys.executable).with_name("hadolint")


class Strict(BaseModel):
    """Unknown fields are refused, as by the API server with strict validation."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Template(Strict):
    """A pod template; its spec is checked as that of a Pod."""

    metadata: dict[str, Any] = {}
    spec: dict[str, Any]


class Head(Strict):
    """headGroupSpec of KubeRay's ray.io/v1."""

    rayStartParams: dict[str, str]  # noqa: N815
    template: Template
    serviceType: str | None = None  # noqa: N815


class Group(Strict):
    """One of its workerGroupSpecs."""

    groupName: str  # noqa: N815
    replicas: int
    minReplicas: int  # noqa: N815
    maxReplicas: int  # noqa: N815
    rayStartParams: dict[str, str]  # noqa: N815
    template: Template


class Cluster(Strict):
    """The spec of a RayCluster, as far as Karya uses it."""

    rayVersion: str  # noqa: N815
    headGroupSpec: Head  # noqa: N815
    workerGroupSpecs: list[Group]  # noqa: N815
    enableInTreeAutoscaling: bool = False  # noqa: N815


def manifests() -> Iterator[Any]:
    for file in MANIFESTS:
        for manifest in yaml.safe_load_all(file.read_text()):
            yield pytest.param(manifest, id=f"{manifest['kind']}-{manifest['metadata']['name']}")


def accepted(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/karya/bin/karya", "/bin/true"))
    told = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")


def test_the_unit_lets_workers_drain_before_their_mongod_goes() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    assert unit["Service"]["KillMode"] == "mixed"
    grace = read_settings((ROOT / "configs/laptop.yaml").read_text(), {}).worker.grace.total_seconds()
    assert int(unit["Service"]["TimeoutStopSec"]) >= grace + 20


def test_compose_takes_the_file() -> None:
    assert sorted(PyCompose.from_yaml(COMPOSE.read_text()).service_names()) == ["karya", "mongodb"]


def test_the_settings_of_the_containers_are_settings() -> None:
    karya = yaml.safe_load(COMPOSE.read_text())["services"]["karya"]
    environ = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in karya["environment"].items()}
    settings = read_settings("", environ)
    assert settings.gateway.needs_tokens, "what is published must ask for tokens"
    assert int(karya["stop_grace_period"].removesuffix("s")) >= settings.worker.grace.total_seconds() + 20


def test_the_dockerfile_is_clean() -> None:
    command = [str(HADOLINT), "--ignore", "DL3008", str(DOCKERFILE)]  # Debian's versions are Debian's
    told = subprocess.run(command, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, "")


def test_the_dockerfile_copies_what_is_there_and_not_ignored() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    names = [name for line in copied for name in line.split()]
    assert sorted(names) == sorted(allowed)
    assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("manifest", list(manifests()))
def test_kubernetes_takes_the_manifest(manifest: dict[str, Any]) -> None:
    if manifest["apiVersion"] != "ray.io/v1":
        accepted(manifest)
        return
    spec = Cluster.model_validate(manifest["spec"])
    for template in (spec.headGroupSpec.template, *(group.template for group in spec.workerGroupSpecs)):
        metadata = {"name": "pod", **template.metadata}
        accepted({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.spec})


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    pod = {"containers": [{"name": "a", "image": "b", "comand": ["c"]}]}
    with pytest.raises(kubernetes_validate.ValidationError):
        accepted({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": pod})


def test_the_config_map_is_settings_that_fit_the_cluster() -> None:
    found = {manifest.values[0]["kind"]: manifest.values[0] for manifest in manifests()}
    settings = read_settings(found["ConfigMap"]["data"]["karya.yaml"], {})
    head = found["RayCluster"]["spec"]["headGroupSpec"]["template"]["spec"]
    ports = {port["containerPort"] for port in head["containers"][0]["ports"]}
    assert {settings.gateway.port, settings.queue.port} <= ports
    assert settings.gateway.needs_tokens
    assert head["terminationGracePeriodSeconds"] >= settings.worker.grace.total_seconds() + 20


def test_the_ray_of_the_manifests_is_the_one_that_is_pinned() -> None:
    version = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert version is not None
    assert f'rayVersion: "{version[1]}"' in (DEPLOY / "kubernetes" / "karya.yaml").read_text()
