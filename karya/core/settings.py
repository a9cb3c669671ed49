"""Every setting of Karya: one YAML document, each key overridable by the environment.

`store.url` in the file is `KARYA_STORE__URL` in the environment: sections are joined by two
underscores. A wrong key or value is refused by name.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from karya.core.errors import ConfigError
from karya.core.fields import humane
from karya.core.times import Duration

PREFIX = "KARYA_"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PositiveDuration = Annotated[Duration, Field(gt=timedelta(0))]
Port = Annotated[int, Field(ge=0, le=65_535)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class StoreSettings(_Section):
    """Where jobs and tasks are kept. Without a `url` an embedded mongod runs in the data directory."""

    provider: Literal["mongodb"] = "mongodb"
    url: str | None = None
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "karya"
    timeout: PositiveDuration = timedelta(seconds=5)
    cache_mb: Annotated[int, Field(ge=256, le=65_536)] = 256
    """The cache of the embedded mongod (WiredTiger), in MiB."""


class LocksSettings(_Section):
    """Who keeps the leases."""

    provider: Literal["mongodb"] = "mongodb"


class QueueSettings(_Section):
    """The sockets between scheduler and workers; port 0 takes a free one, which is published in the lock."""

    provider: Literal["zeromq"] = "zeromq"
    host: str = "127.0.0.1"
    port: Port = 0
    heartbeat: PositiveDuration = timedelta(seconds=1)
    """A worker silent for three heartbeats is dropped."""

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        if host not in LOOPBACK:
            raise ValueError("must be loopback (127.0.0.1): the queue has no keys to know distant workers by")
        return host


class GatewaySettings(_Section):
    """The HTTP gateway."""

    host: str = "127.0.0.1"
    port: Port = 8080
    allowed_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    """Host headers that are answered (protection against DNS rebinding); "*" allows any."""
    allow_unauthenticated: bool = False
    """Lets the gateway listen beyond loopback although it asks nobody who they are."""


class SchedulerSettings(_Section):
    """The singleton scheduler."""

    poll: PositiveDuration = timedelta(seconds=1)
    look_ahead: PositiveDuration = timedelta(seconds=2)
    """How long before its instant a task is read; longer than `poll`, so that none is missed."""
    lease: PositiveDuration = timedelta(seconds=20)
    """How long its leadership outlives it; renewed every quarter."""
    resend_after: PositiveDuration = timedelta(seconds=3)
    """A hint that nobody claimed is sent again after this."""
    batch: Annotated[int, Field(ge=1, le=10_000)] = 2_000
    sweep: PositiveDuration = timedelta(seconds=5)
    """How often expired leases, cut chains and unsettled jobs are looked for."""

    @model_validator(mode="after")
    def _sees_far_enough(self) -> "SchedulerSettings":
        if self.look_ahead <= self.poll:
            raise ValueError(
                "look_ahead must be longer than poll, or tasks would be found after their instant"
            )
        return self


class WorkerSettings(_Section):
    """The pool of workers."""

    count: Annotated[int, Field(ge=1, le=1_000)] = 2
    slots: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How many tasks one worker runs at once."""
    lease: PositiveDuration = timedelta(seconds=20)
    """How long a task outlives its worker before it is tried again; renewed every quarter."""
    grace: PositiveDuration = timedelta(seconds=10)
    """How long a stopping worker lets running tasks finish before it hands them back."""


class RaySettings(_Section):
    """The Ray cluster. Without an `address` one is started on this machine and stopped with Karya."""

    address: str | None = None
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "karya"


class LogSettings(_Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(_Section):
    """All of it."""

    data_dir: str = ".karya"
    store: StoreSettings = StoreSettings()
    locks: LocksSettings = LocksSettings()
    queue: QueueSettings = QueueSettings()
    gateway: GatewaySettings = GatewaySettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    worker: WorkerSettings = WorkerSettings()
    ray: RaySettings = RaySettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _guarded(self) -> "Settings":
        if self.gateway.host not in LOOPBACK and not self.gateway.allow_unauthenticated:
            raise ValueError(
                f"gateway.host {self.gateway.host!r} is not loopback and the gateway has no authentication: "
                "listen on 127.0.0.1, or set gateway.allow_unauthenticated to true if the network is trusted"
            )
        return self


def read_settings(
    text: str, environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The settings from a YAML document, the environment and the command line, the later ones winning.

    `overrides` has dotted keys; None as a value means "not given". Raises ConfigError, which names
    every wrong key or value and where it was set.
    """
    given: dict[str, tuple[str, Any]] = {}
    given.update((path, (path, value)) for path, value in _flatten(_parse(text)))
    given.update((path, (name, value)) for path, name, value in _from_environment(environ))
    given.update((path, (path, value)) for path, value in (overrides or {}).items() if value is not None)
    tree: dict[str, Any] = {}
    for path, (name, value) in given.items():
        _plant(tree, path, name, value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(error, given))) from None


def _parse(text: str) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(text) if text.strip() else {}
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-13-45
        raise ConfigError(f"the settings are no YAML: {' '.join(str(error).split())}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError("the settings must be a YAML mapping of sections, such as 'store:'")
    return document


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{path}.")
        elif value is not None:
            yield path, value


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and name != f"{PREFIX}CONFIG":
            path = name.removeprefix(PREFIX).lower().replace("__", ".")
            for below, part in _flatten({path: _literal(value)}):
                yield below, name, part


def _literal(text: str) -> Any:
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _plant(tree: dict[str, Any], path: str, name: str, value: Any) -> None:
    *sections, key = path.split(".")
    for section in sections:
        below = tree.setdefault(section, {})
        if not isinstance(below, dict):
            raise ConfigError(f"{name}: {section!r} is set to a single value, so it has no keys below it")
        tree = below
    tree[key] = value


def _explain(error: ValidationError, given: Mapping[str, tuple[str, Any]]) -> Iterator[str]:
    for problem in error.errors():
        path = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield from _unknown(path, given)
        else:
            name = _where_set(path, given)
            message = humane(problem["msg"])
            yield f"{name}: {message}" if name else message


def _unknown(path: str, given: Mapping[str, tuple[str, Any]]) -> Iterator[str]:
    known = list(_paths(Settings))
    for key, (name, _) in given.items():
        if f"{key}.".startswith(f"{path}."):
            close = difflib.get_close_matches(key, known, n=1)
            yield f"{name}: unknown setting" + (f"; did you mean {close[0]}?" if close else "")


def _where_set(path: str, given: Mapping[str, tuple[str, Any]]) -> str:
    """How the user wrote this key, one below it or the one it is part of: `store.url`, `KARYA_STORE__URL`."""
    if path in given:
        return given[path][0]
    for key, (name, _) in given.items():
        if f"{key}.".startswith(f"{path}.") or f"{path}.".startswith(f"{key}."):
            return name
    return path


def _paths(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        below = field.annotation
        if isinstance(below, type) and issubclass(below, BaseModel):
            yield from _paths(below, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
