"""Reading the settings: one YAML document, each key overridable by the environment.

`store.url` in the file is `KARYA_STORE__URL` in the environment: sections are joined by two
underscores. A wrong key or value is refused by name. `store.url` and everything below `connectors` may
refer to secrets (karya.core.secrets).
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from karya.core.errors import ConfigError
from karya.core.fields import humane
from karya.core.secrets import ReadFile, Secrets
from karya.core.settings import Settings

PREFIX = "KARYA_"
_NO_SETTINGS = frozenset(f"{PREFIX}{name}" for name in ("CONFIG", "TOKEN", "URL"))  # of the commands

Key = tuple[str, ...]
"""The way to a setting: ("store", "url")."""


def read_settings(
    text: str,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any] | None = None,
    read_file: ReadFile | None = None,
) -> Settings:
    """The settings from a YAML document, the environment and the command line, the later ones winning.

    `overrides` has dotted keys; None as a value means "not given". `read_file` reads what secrets refer
    to; without it references stay as they are, for those who need no secrets. Raises ConfigError, which
    names every wrong key or value and where it was set.
    """
    given: dict[Key, tuple[str, Any]] = {}
    given.update((key, (".".join(key), value)) for key, value in _flatten(_parse(text)))
    given.update((key, (name, value)) for key, name, value in _from_environment(environ))
    given.update(
        (tuple(path.split(".")), (path, value))
        for path, value in (overrides or {}).items()
        if value is not None
    )
    secrets = Secrets(environ, read_file) if read_file else None
    tree: dict[str, Any] = {}
    for key, (name, value) in given.items():
        _plant(tree, key, name, secrets.resolved(value, name) if secrets and _may_refer(key) else value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(error, given))) from None


def _may_refer(key: Key) -> bool:
    return key[0] == "connectors" or key == ("store", "url")


def _parse(text: str) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(text) if text.strip() else {}
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"the settings are no YAML: {_flaw(error)}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-13-45
        raise ConfigError(f"the settings are no YAML: {' '.join(str(error).split())}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError("the settings must be a YAML mapping of sections, such as 'store:'")
    return document


def _flaw(error: yaml.MarkedYAMLError) -> str:
    """What is wrong and where, without the line itself: it may hold a secret."""
    mark = error.problem_mark or error.context_mark
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{error.problem or error.context}{where}"


def _flatten(tree: Mapping[Any, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    for name, value in tree.items():
        # A dotted name may stand for sections; below them a dot is part of the name.
        key = (*above, str(name)) if above else tuple(str(name).split("."))
        if isinstance(value, dict) and value:
            yield from _flatten(value, key)
        elif value is not None:
            yield key, value


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[Key, str, Any]]:
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and name not in _NO_SETTINGS:
            *above, last = name.removeprefix(PREFIX).lower().split("__")
            for key, part in _flatten({last: _literal(value)}, tuple(above)):
                yield key, name, part


def _literal(text: str) -> Any:
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _plant(tree: dict[str, Any], key: Key, name: str, value: Any) -> None:
    *sections, last = key
    for section in sections:
        below = tree.setdefault(section, {})
        if not isinstance(below, dict):
            raise ConfigError(f"{name}: {section!r} is set to a single value, so it has no keys below it")
        tree = below
    tree[last] = value


def _explain(error: ValidationError, given: Mapping[Key, tuple[str, Any]]) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_input=False):
        key = tuple(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield from _unknown(key, given)
        else:
            name = _where_set(key, given)
            message = "must be a mapping" if problem["type"] == "dict_type" else humane(problem["msg"])
            yield f"{name}: {message}" if name else message


def _unknown(unknown: Key, given: Mapping[Key, tuple[str, Any]]) -> Iterator[str]:
    known = list(_paths(Settings))
    for key, (name, _) in given.items():
        if key[: len(unknown)] == unknown:
            close = difflib.get_close_matches(".".join(key), known, n=1)
            yield f"{name}: unknown setting" + (f"; did you mean {close[0]}?" if close else "")


def _where_set(wrong: Key, given: Mapping[Key, tuple[str, Any]]) -> str:
    """How the user wrote this key, one below it or the one it is part of: `store.url`, `KARYA_STORE__URL`."""
    if wrong in given:
        return given[wrong][0]
    for key, (name, _) in given.items():
        if wrong and (key[: len(wrong)] == wrong or wrong[: len(key)] == key):
            return name
    return ".".join(wrong)


def _paths(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        below = field.annotation
        if isinstance(below, type) and issubclass(below, BaseModel):
            yield from _paths(below, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
