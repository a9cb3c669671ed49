"""What an attempt returns is kept as JSON text of a bounded size, whatever it is."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from karya.actors.attempt import MAX_RESULT_BYTES, Held, Stop, lateness, perform, result_text
from karya.core.outcome import Failure, Outcome, Stopped, Success
from karya.core.ports import AttemptContext, Claim
from karya.core.trace import Trace
from karya.telemetry.attempt import Unsampled
from tests.support.actions import Actions
from tests.support.story import NOW, at
from tests.unit.actors.hints import hint

HOUR = timedelta(hours=1)


class Elsewhere(Actions):
    async def run(self, action: str, context: AttemptContext) -> Outcome:
        raise asyncio.CancelledError


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def deep(levels: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        ({"a": [1, 2.5, None, True]}, {"a": [1, 2.5, None, True]}),
        ("ünï", "ünï"),
        ("", ""),
        (0, 0),
        (False, False),
        (datetime(2026, 11, 23, tzinfo=UTC), "2026-11-23T00:00:00+00:00"),
        ({"error": ValueError("boom")}, {"error": "boom"}),
        (b"bytes", "b'bytes'"),
        (float("nan"), None),
        (2**70, str(2**70)),
        ({1: "a"}, "{1: 'a'}"),
        ("\ud800", "'\\ud800'"),
        (circle(), "[[...]]"),
        (Hostile(), "<a Hostile that cannot be shown>"),
        ([Hostile()], "<a list that cannot be shown>"),
        (deep(5_000), "<a list that cannot be shown>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_result_becomes_json(result: Any, kept: Any) -> None:
    text = result_text(result)
    assert text is not None
    assert orjson.loads(text) == kept


def test_no_result_is_none() -> None:
    assert result_text(None) is None


@pytest.mark.parametrize("character", ["a", "é", "😀", '"', "\x00"])
def test_a_result_that_is_too_large_is_cut_and_says_so(character: str) -> None:
    width = len(orjson.dumps(character)) - 2
    fits = character * ((MAX_RESULT_BYTES - 2) // width)
    text = result_text(fits)
    assert text is not None
    assert orjson.loads(text) == fits
    cut = result_text(fits + character * 3)
    assert cut is not None
    story = orjson.loads(cut)
    assert story["truncated"] is True
    assert MAX_RESULT_BYTES < story["bytes"] <= MAX_RESULT_BYTES + 3 * width + 2
    assert story["start"] == orjson.dumps(fits).decode()[:4096]
    assert len(cut.encode()) <= MAX_RESULT_BYTES


NOOP = '{"type":"noop"}'


def held(timeout: timedelta | None = None) -> Held:
    bounded = replace(hint("task", due=1), timeout=timeout)
    return Held(Claim(bounded, "lease", NOOP, event='{"id":"x"}'), "w", 10.0, at(1))


async def stopped(why: Stop) -> tuple[Any, Actions]:
    one, actions = held(HOUR), Actions(Success("never"))
    actions.gate.clear()
    one.running = asyncio.create_task(_run(one, actions))
    while not actions.running:
        await asyncio.sleep(0)
    one.stop(why)
    one.stop(Stop.LOST)
    assert one.stopped is why
    return await one.running, actions  # type: ignore[func-returns-value]


async def _run(one: Held, actions: Actions) -> Any:
    one.begun = True
    return await perform(one, NOOP, actions)


@pytest.mark.parametrize(
    ("why", "outcome"), [(Stop.CANCELLED, Stopped()), (Stop.LOST, None), (Stop.HANDED_BACK, None)]
)
async def test_a_stopped_action_has_an_outcome_only_when_it_was_cancelled(why: Stop, outcome: Any) -> None:
    came_to, actions = await stopped(why)
    assert came_to == outcome
    assert actions.stopped == ["task"]


async def test_what_an_action_raises_is_a_failure_that_may_be_retried() -> None:
    long = await perform(held(), NOOP, Actions(ValueError("x" * 10_000)))
    assert isinstance(long, Failure)
    assert long.error.startswith("ValueError: xxx")
    assert (len(long.error) <= 4_000, long.permanent) == (True, False)
    failure = await perform(held(), NOOP, Actions(KeyError("key")))
    assert failure == Failure("KeyError: 'key'", code="exception")


async def test_an_attempt_is_stopped_at_its_timeout() -> None:
    actions = Actions(Success("never"))
    actions.gate.clear()
    outcome = await perform(held(timedelta(milliseconds=20)), NOOP, actions)
    assert outcome == Failure("timed out after PT0.02S", code="timeout")
    assert actions.stopped == ["task"]


async def test_an_attempt_within_its_timeout_is_left_alone() -> None:
    assert await perform(held(HOUR), NOOP, Actions(Success(1))) == Success(1)


async def test_a_time_out_of_the_actions_own_is_not_that_of_the_attempt() -> None:
    own = Actions(TimeoutError("the target is slow"))
    failure = await perform(held(HOUR), NOOP, own)
    assert failure == Failure("TimeoutError: the target is slow", code="exception")


async def test_a_cancel_at_the_moment_of_the_timeout_is_a_cancel() -> None:
    """Both interrupt the same coroutine; what the user asked for counts."""

    class Slow(Actions):
        async def run(self, action: str, context: AttemptContext) -> Outcome:
            one.stopped = Stop.CANCELLED
            asyncio.get_running_loop().call_soon(task.cancel)
            time.sleep(0.01)  # the timeout has passed, too, when the loop comes round
            return await super().run(action, context)

    actions = Slow()
    actions.gate.clear()
    one = held(timedelta(milliseconds=1))
    task = asyncio.create_task(_run(one, actions))
    assert await task == Stopped()


async def test_a_cancellation_from_elsewhere_is_no_outcome() -> None:
    with pytest.raises(asyncio.CancelledError):
        await perform(held(), NOOP, Elsewhere())


async def test_stopping_what_has_ended_changes_nothing() -> None:
    one = held()
    one.ended = True
    one.stop(Stop.LOST)
    assert one.stopped is None


async def test_stopping_what_has_not_begun_lets_it_clean_up_after_itself() -> None:
    """A task that is cancelled before its first step never runs, not even its `finally`."""
    one, actions = held(), Actions()
    ran: list[Stop | None] = []

    async def attempt() -> None:
        ran.append(one.stopped)

    one.running = asyncio.create_task(attempt())
    one.stop(Stop.HANDED_BACK)
    await asyncio.gather(one.running, return_exceptions=True)
    assert ran == [Stop.HANDED_BACK]
    assert actions.started == []


def test_what_an_action_may_know_and_how_late_it_is() -> None:
    context = held().context()
    assert (context.task_id, context.attempt, context.token, context.instant) == ("task", 1, 1, NOW)
    assert (context.event, context.user_id) == ('{"id":"x"}', None)
    owned = Held(Claim(replace(hint("t"), user_id="ada"), "lease", "{}"), "worker", 0.0, NOW)
    assert owned.context().user_id == "ada"
    assert lateness(held(), at(3.5)) == 2.5
    assert lateness(held(), NOW) == 0


def test_a_traced_attempt_names_its_trace_in_the_log_and_to_its_action() -> None:
    held = Held(Claim(hint("t"), "lease", "{}"), "worker", 0.0, NOW)
    assert "trace_id" not in held.log_fields() and held.context().trace is None
    trace = Trace(parent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
    held.trace = Unsampled(trace)
    assert held.log_fields()["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert held.context().trace == trace
