"""The connectors of this process, and the one that runs a given action."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
from pydantic import ValidationError

from karya.connectors.configured import configure
from karya.connectors.installed import installed_connectors
from karya.core.action import Action, ActionText
from karya.core.errorlog import shorten
from karya.core.fields import humane
from karya.core.filled import with_texts
from karya.core.outcome import Failure, Outcome
from karya.core.ports import AttemptContext, Connector, Tools

CACHED_ACTIONS = 1024
CACHED_CHARACTERS = 4096
"""Texts up to this length are parsed once and remembered: recurring jobs repeat themselves."""


class Connectors(Mapping[str, Connector]):
    """Connectors by the type of their actions, those that are not configured included."""

    def __init__(self, connectors: Mapping[str, Connector]) -> None:
        self._connectors = connectors

    def __getitem__(self, name: str) -> Connector:
        return self._connectors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._connectors)

    def __len__(self) -> int:
        return len(self._connectors)

    def refusal(self, action: Action) -> str | None:
        """Why this action cannot run here, for the client; None when it can."""
        return self._connectors[action.type].refusal(action)

    def needs_token(self, action: Action) -> bool:
        """Whether a job with this action needs a token even where no other request does."""
        return action.type in self.needing_tokens

    @property
    def needing_tokens(self) -> frozenset[str]:
        """The types of all such actions."""
        return frozenset(name for name, one in self.items() if getattr(one, "needs_token", False))


def load_connectors(sections: Mapping[str, Mapping[str, Any]]) -> Connectors:
    """Every installed connector with its section of the settings, by the name of its action type.

    One with required settings and no section is there too, and refuses. Raises ConfigError, which names
    each wrong key, or the package when an entry point is broken or a name is taken twice.
    """
    return Connectors(configure(installed_connectors(), sections))


def action_types(connectors: Mapping[str, Connector]) -> tuple[type[Action], ...]:
    """The models of the actions that these connectors run, in the order of their names."""
    return tuple(connectors[name].action_type for name in sorted(connectors))


class ConnectorRegistry:
    """The connectors of one worker, opened and closed together."""

    def __init__(self, connectors: Mapping[str, Connector]) -> None:
        self._connectors = connectors
        self._parse_cached = lru_cache(CACHED_ACTIONS)(self._parse)

    async def open_all(self, tools: Tools) -> None:
        """Opens every connector; when one fails, closes those already open and raises its error."""
        opened: list[Connector] = []
        try:
            for connector in self._connectors.values():
                await connector.open(tools)
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
            return Failure(
                f"no connector for actions of type {missing} is installed on this worker", code="no_connector"
            )
        except ValueError as error:
            return Failure(
                f"the stored action is not valid: {_reason(error)}", permanent=True, code="invalid_action"
            )
        try:
            return await self._connectors[action.type].run(action, context)
        except Exception as error:
            return Failure(shorten(f"{type(error).__name__}: {error}"), code="exception")

    def _parse(self, text: ActionText) -> Action:
        written = orjson.loads(text)
        model = self._connectors[written["type"]].action_type
        try:
            return model.model_validate_json(text)
        except ValidationError as error:
            return model.model_validate_json(orjson.dumps(with_texts(error, written)))


async def _close(connectors: Iterable[Connector]) -> None:
    await asyncio.gather(*(connector.close() for connector in connectors), return_exceptions=True)


def _reason(error: ValueError) -> str:
    """What is wrong, without the values: they may be secrets."""
    if not isinstance(error, ValidationError):
        return str(error)
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, found['loc']))}: {humane(found['msg'])}" for found in problems)
