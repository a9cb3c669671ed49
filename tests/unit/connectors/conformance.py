"""What every connector must do, whatever it talks to. A connector's test class inherits `Conformance`."""

import asyncio
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime

import orjson
import pytest

from karya.core.action import Action
from karya.core.outcome import Failure, Success
from karya.core.ports import AttemptContext, Connector, Tools

CONTEXT = AttemptContext(
    task_id="0193-task",
    job_id="0193-job",
    attempt=2,
    token=7,
    instant=datetime(2026, 11, 23, 8, 0, 0, 250_000, tzinfo=UTC),
)

TOOLS = Tools()


class Conformance(ABC):
    """The suite. Fixtures of the subclass set up what `good_action` needs."""

    @abstractmethod
    def connector(self) -> Connector:
        """A new connector, not yet opened."""

    @abstractmethod
    def good_action(self) -> Action:
        """An action that succeeds."""

    @abstractmethod
    def bad_actions(self) -> list[Action]:
        """Actions that fail, each in its own way; none when no action of the connector can."""

    def tools(self) -> Tools:
        """What the worker lends it."""
        return TOOLS

    def bad_tools(self) -> Tools:
        """What the worker lends it for the actions that fail."""
        return self.tools()

    def stuck_action(self) -> Action | None:
        """An action that runs for longer than a test may; None when the connector has no such thing."""
        return None

    async def test_a_run_returns_an_outcome_that_can_be_stored(self) -> None:
        connector = self.connector()
        await connector.open(self.tools())
        outcome = await connector.run(self.good_action(), CONTEXT)
        await connector.close()
        assert isinstance(outcome, Success)
        orjson.dumps(outcome.result)

    async def test_it_runs_many_at_once(self) -> None:
        connector = self.connector()
        await connector.open(self.tools())
        outcomes = await asyncio.gather(*(connector.run(self.good_action(), CONTEXT) for _ in range(50)))
        await connector.close()
        assert all(isinstance(outcome, Success) for outcome in outcomes)

    async def test_it_stops_promptly_when_it_is_cancelled(self) -> None:
        action = self.stuck_action()
        connector = self.connector()
        await connector.open(self.tools())
        run = asyncio.create_task(connector.run(action or self.good_action(), CONTEXT))
        await self.is_running()
        asked_at = time.monotonic()
        run.cancel()
        await asyncio.wait({run}, timeout=30)
        await connector.close()
        assert run.cancelled() if action else run.done()
        assert time.monotonic() - asked_at < 10

    async def is_running(self) -> None:
        """Returns when the stuck action is under way."""
        await asyncio.sleep(0)

    async def test_close_never_raises_not_even_twice_or_before_open(self) -> None:
        connector = self.connector()
        await connector.close()
        await connector.open(self.tools())
        await connector.close()
        await connector.close()

    async def test_the_action_type_has_a_name_and_its_json_comes_back(self) -> None:
        action = self.good_action()
        action_type = self.connector().action_type
        assert action_type.model_fields["type"].default == action.type
        assert action_type.model_validate_json(action.model_dump_json()) == action

    def test_a_good_action_is_not_refused_before_open(self) -> None:
        assert self.connector().refusal(self.good_action()) is None

    async def test_failures_are_values(self) -> None:
        actions = self.bad_actions()
        if not actions:
            pytest.skip("no action of this connector fails")
        for action in actions:
            connector = self.connector()
            await connector.open(self.bad_tools())
            outcome = await connector.run(action, CONTEXT)
            await connector.close()
            assert isinstance(outcome, Failure)
            assert outcome.error
