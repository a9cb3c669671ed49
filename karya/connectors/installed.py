"""Which connectors are installed here, by the entry points of packages, and what their settings are."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from karya.connectors.base import ConnectorSettings
from karya.core.action import Action
from karya.core.errors import ConfigError
from karya.core.ports import Connector

GROUP = "karya.connectors"


@dataclass(frozen=True, slots=True)
class Installed:
    """A connector that some package brings, not made yet."""

    name: str
    """The type of its actions."""
    action_type: type[Action]
    settings_type: type[ConnectorSettings]
    factory: Any
    origin: str
    """The package and the entry point, for errors."""

    def made(self, settings: ConnectorSettings) -> Connector:
        """The connector itself. Raises ConfigError: its own, or one that names the package."""
        try:
            return cast(Connector, self.factory(settings))
        except ConfigError:
            raise
        except Exception as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> ConfigError:
        return ConfigError(f"{self.origin} is broken: {type(error).__name__}: {error}")


def installed_connectors() -> dict[str, Installed]:
    """All of them by name. Raises ConfigError, which names the package, when one is broken or taken twice."""
    found: dict[str, Installed] = {}
    for one in _all():
        if one.name in found:
            raise ConfigError(
                f"both {found[one.name].origin} and {one.origin} bring a connector for actions of type "
                f"{one.name!r}: uninstall one of them"
            )
        found[one.name] = one
    return found


def type_name(action_type: type[Action]) -> str:
    """The name by which jobs ask for this action: the default of its `type` field."""
    return cast(str, action_type.model_fields["type"].default)


def way_to_install(name: str) -> str | None:
    """The requirement that brings what a known connector lacks, such as `karya[kafka]`; None for others."""
    for point in entry_points(group=GROUP):
        if point.name == name and point.extras and point.dist:
            return f"{point.dist.name}[{','.join(point.extras)}]"
    return None


def _all() -> Iterator[Installed]:
    for point in entry_points(group=GROUP):
        try:
            yield _loaded(point)
        except Exception as error:
            # What an extra would bring may be missing: then the connector is not installed, not broken.
            if point.extras and isinstance(error, ModuleNotFoundError):
                continue
            raise ConfigError(f"{_origin(point)} is broken: {type(error).__name__}: {error}") from error


def _loaded(point: EntryPoint) -> Installed:
    factory = point.load()
    action_type, settings_type = factory.action_type, factory.settings_type
    name = type_name(action_type)
    if not isinstance(name, str):
        raise TypeError("the type of its action has no name as its default")
    if not issubclass(settings_type, ConnectorSettings):
        raise TypeError("its settings_type is no ConnectorSettings")
    return Installed(name, action_type, settings_type, factory, _origin(point))


def _origin(point: EntryPoint) -> str:
    package = point.dist.name if point.dist else "an unknown package"
    return f"the connector {point.name!r} of the package {package} ({point.value})"
