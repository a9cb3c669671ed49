"""Which connectors are installed here, and the one that runs a given action."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import cast

import orjson
from pydantic import ValidationError

from karya.core.action import Action, ActionText
from karya.core.errorlog import shorten
from karya.core.errors import ConfigError
from karya.core.outcome import Failure, Outcome
from karya.core.ports import AttemptContext, Connector

GROUP = "karya.connectors"
CACHED_ACTIONS = 1024
CACHED_CHARACTERS = 4096
"""Texts up to this length are parsed once and remembered: recurring jobs repeat themselves."""


def load_connectors() -> Mapping[str, Connector]:
    """One instance of each installed connector, by the name of its action type.

    Raises ConfigError, which names the package, when an entry point is broken or a name is taken twice.
    """
    connectors: dict[str, Connector] = {}
    origins: dict[str, str] = {}
    for point in entry_points(group=GROUP):
        connector, origin = _instance(point), _origin(point)
        name = type_name(connector.action_type)
        if name in connectors:
            raise ConfigError(
                f"both {origins[name]} and {origin} bring a connector for actions of type {name!r}: "
                "uninstall one of them"
            )
        connectors[name], origins[name] = connector, origin
    return connectors


def action_types(connectors: Mapping[str, Connector]) -> tuple[type[Action], ...]:
    """The models of the actions that these connectors run, in the order of their names."""
    return tuple(connectors[name].action_type for name in sorted(connectors))


def type_name(action_type: type[Action]) -> str:
    """The name by which jobs ask for this action: the default of its `type` field."""
    return cast(str, action_type.model_fields["type"].default)


class ConnectorRegistry:
    """The connectors of one worker, opened and closed together."""

    def __init__(self, connectors: Mapping[str, Connector]) -> None:
        self._connectors = connectors
        self._parse_cached = lru_cache(CACHED_ACTIONS)(self._parse)

    async def open_all(self) -> None:
        """Opens every connector; when one fails, closes those already open and raises its error."""
        opened: list[Connector] = []
        try:
            for connector in self._connectors.values():
                await connector.open()
                opened.append(connector)
        except BaseException:
            await _close(opened)
            raise

    async def close_all(self) -> None:
        """Closes every connector; never raises."""
        await _close(self._connectors.values())

    def parse_action(self, text: ActionText) -> Action:
        """The action that was stored as this text; equal texts share one object, so never change it.

        Raises KeyError when no connector here runs its type, ValueError when it breaks the model.
        """
        return self._parse_cached(text) if len(text) <= CACHED_CHARACTERS else self._parse(text)

    async def run(self, text: ActionText, context: AttemptContext) -> Outcome:
        """Runs one attempt of a stored action. Never raises: what a connector raises is a retryable failure.

        A type that is not installed here is retried, since another worker may know it; an action that
        its model refuses never works.
        """
        try:
            action = self.parse_action(text)
        except KeyError as missing:
            return Failure(f"no connector for actions of type {missing} is installed on this worker")
        except ValueError as error:
            return Failure(f"the stored action is not valid: {_reason(error)}", permanent=True)
        try:
            return await self._connectors[action.type].run(action, context)
        except Exception as error:
            return Failure(shorten(f"{type(error).__name__}: {error}"))

    def _parse(self, text: ActionText) -> Action:
        name = orjson.loads(text)["type"]
        return self._connectors[name].action_type.model_validate_json(text)


async def _close(connectors: Iterable[Connector]) -> None:
    await asyncio.gather(*(connector.close() for connector in connectors), return_exceptions=True)


def _instance(point: EntryPoint) -> Connector:
    try:
        connector = point.load()()
        name = type_name(connector.action_type)
    except Exception as error:
        raise ConfigError(f"{_origin(point)} is broken: {type(error).__name__}: {error}") from error
    if not isinstance(name, str):
        raise ConfigError(f"{_origin(point)} is broken: the type of its action has no name as its default")
    return cast(Connector, connector)


def _origin(point: EntryPoint) -> str:
    package = point.dist.name if point.dist else "an unknown package"
    return f"the connector {point.name!r} of the package {package} ({point.value})"


def _reason(error: ValueError) -> str:
    """What is wrong, without the values: they may be secrets."""
    if not isinstance(error, ValidationError):
        return str(error)
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)
