"""The sample settings and the cluster file cannot go stale."""

import base64
import json
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from karya.connectors.configured import Unconfigured
from karya.connectors.installed import installed_connectors
from karya.connectors.registry import load_connectors
from karya.core.configuration import read_settings
from karya.core.settings import Settings

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "configs").glob("*.yaml"))
DEFAULT = re.compile(r"^(\s*)#(?=\w+:)", re.MULTILINE)


def with_defaults(sample: Path) -> str:
    """The sample with the commented defaults (`#key: value`, no space) taken in."""
    return DEFAULT.sub(r"\1", sample.read_text())


def keys_of(tree: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from keys_of(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def settings_keys(section: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    for key, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_keys(field.annotation, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def test_there_is_one_sample_for_a_laptop_and_one_for_a_cluster() -> None:
    assert [sample.name for sample in SAMPLES] == ["cluster.yaml", "laptop.yaml"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_is_accepted_and_its_commented_values_are_the_defaults(sample: Path) -> None:
    assert read_settings(with_defaults(sample), {}) == read_settings(sample.read_text(), {})


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_shows_every_key_and_no_other(sample: Path) -> None:
    assert sorted(keys_of(yaml.safe_load(with_defaults(sample)))) == sorted(settings_keys())


def test_the_laptop_needs_no_settings() -> None:
    assert read_settings((ROOT / "configs/laptop.yaml").read_text(), {}) == Settings()


def example() -> str:
    """The connectors as the laptop's sample shows them in comments."""
    _, start, shown = (ROOT / "configs/laptop.yaml").read_text().partition("# connectors:\n")
    return (start + shown).replace("\n# ", "\n").removeprefix("# ")


def secrets_of(text: str) -> dict[str, str]:
    key = "whsec_" + base64.b64encode(b"k" * 32).decode()
    return dict.fromkeys(re.findall(r"\$\{env:(\w+)\}", text), key)


def test_the_example_of_connectors_is_accepted() -> None:
    settings = read_settings(example(), secrets_of(example()), read_file=lambda path: "geheim")
    installed = installed_connectors()
    shown = {name: section for name, section in settings.connectors.items() if name in installed}
    connectors = load_connectors(shown)
    assert not [name for name, connector in connectors.items() if isinstance(connector, Unconfigured)]


@pytest.mark.parametrize("name", sorted(installed_connectors()))
def test_the_example_shows_every_key_of_a_connector(name: str) -> None:
    shown = yaml.safe_load(example())["connectors"].get(name, {})
    assert_shown(shown, installed_connectors()[name].settings_type)


def assert_shown(shown: dict[str, Any], settings: type[BaseModel]) -> None:
    assert sorted(shown) == sorted(settings.model_fields)
    for key, field in settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            assert_shown(shown[key], field.annotation)


def test_ray_accepts_the_cluster_file() -> None:
    schema = metadata.distribution("ray").locate_file("ray/autoscaler/ray-schema.json")
    document = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    jsonschema.validate(document, json.loads(Path(str(schema)).read_text()))
