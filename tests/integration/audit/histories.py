"""Random histories: what clients and clusters may do with a few jobs, in any order."""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from hypothesis import strategies as st

from karya.core.errors import Conflict, InvalidInput
from karya.core.hint import Hint
from karya.core.job import Job
from karya.core.outcome import Failure, Outcome, Success
from karya.core.policies import Misfire, MisfirePolicy, Overlap
from karya.core.retry import RetryPolicy
from karya.core.schedule import Cron, Interval, Once, Rrule, Schedule
from karya.core.steps import StepSpec, When
from tests.support.story import (
    ON_CANCELLED,
    ON_COMPLETION,
    ON_DEAD_LETTER,
    ON_FAILURE,
    ON_MISFIRE,
    ON_RETRY,
    ON_SUCCESS,
    at,
    step,
)
from tests.support.world import Judge, World, fails, hangs, succeeds

EVERY_HOOK = (ON_SUCCESS, ON_RETRY, ON_FAILURE, ON_DEAD_LETTER, ON_CANCELLED, ON_MISFIRE, ON_COMPLETION)
QUICK = RetryPolicy(max_attempts=3, delay=timedelta(seconds=1), jitter=0.5)
DIAMOND = (
    step("a"),
    step("b", "a"),
    step("c", "a", when=When.FAILURE),
    step("d", "b", "c", when=When.ALWAYS),
)
LEAST_ACTIONS, MOST_ACTIONS = 5, 12


def flaky(hint: Hint) -> Outcome:
    """Some attempts fail, some of them for good: always the same ones."""
    luck = blake2b(f"{hint.task_id}/{hint.token}".encode(), digest_size=1).digest()[0]
    return Failure("boom", permanent=luck < 25) if luck < 90 else Success()


JUDGES: Sequence[Judge] = (succeeds, flaky, flaky, fails, hangs)


@dataclass(frozen=True)
class Action:
    """One thing that happens."""

    name: str
    play: Callable[[World], Coroutine[Any, Any, Any]]

    def __repr__(self) -> str:
        return self.name


# --- what can be submitted ----------------------------------------------------------------------------------

seconds = st.integers(2, 15).map(lambda n: timedelta(seconds=n))
bounds = st.fixed_dictionaries(
    {},
    optional={
        "max_runs": st.integers(1, 8),
        "end_at": st.integers(10, 200).map(at),
        "exclude": st.lists(st.integers(1, 40).map(at), min_size=1, max_size=4).map(tuple),
    },
)
intervals = st.builds(lambda every, more: Interval(every=every, **more), seconds, bounds)
jittered = st.builds(
    lambda every, more: Interval(every=every, jitter=every - timedelta(milliseconds=1), **more),
    seconds,
    bounds,
)
crons = st.builds(lambda more: Cron(expression="* * * * *", **more), bounds)
rules = st.builds(
    lambda n, more: Rrule(rule=f"FREQ=SECONDLY;INTERVAL={n}", **more), st.integers(3, 12), bounds
)
endless = st.builds(lambda every: Interval(every=every), seconds)
onces = st.integers(0, 60).map(lambda n: Once(at=at(n)))
schedules: st.SearchStrategy[Schedule] = st.one_of(intervals, intervals, jittered, crons, rules, onces)
misfires = st.builds(
    lambda policy, grace, at_once, window: Misfire(
        policy=policy, grace=timedelta(seconds=grace), at_once=at_once, window=timedelta(seconds=window)
    ),
    st.sampled_from(MisfirePolicy),
    st.integers(1, 20),
    st.integers(1, 5),
    st.integers(10, 100),
)
hooks = st.sampled_from([(), EVERY_HOOK, EVERY_HOOK, (ON_SUCCESS, ON_SUCCESS, ON_MISFIRE)])
graphs: st.SearchStrategy[Sequence[StepSpec[Any]]] = st.sampled_from([(), (), DIAMOND])


@st.composite
def submissions(draw: st.DrawFn) -> Action:
    schedule, fired, steps = draw(schedules), draw(hooks), draw(graphs)
    misfire, overlap = draw(misfires), draw(st.sampled_from([Overlap.ALLOW, *Overlap]))

    async def play(world: World) -> None:
        with suppress(InvalidInput):
            await world.submit(
                schedule, *fired, steps=steps, misfire=misfire, overlap=overlap, retry=QUICK, user_id="ann"
            )

    policies = f"{misfire.policy}/{overlap}"
    return Action(f"submit {schedule!r} {policies} hooks={len(fired)} steps={len(steps)}", play)


# --- what can happen to it ----------------------------------------------------------------------------------


def to_a_job(name: str, deed: Callable[[World, Job], Coroutine[Any, Any, Any]]) -> st.SearchStrategy[Action]:
    """What somebody does to one of the jobs, whatever state it is in."""

    def of(number: int) -> Action:
        async def play(world: World) -> None:
            if world.jobs:
                with suppress(Conflict, InvalidInput):
                    await deed(world, world.jobs[number % len(world.jobs)])

        return Action(f"{name} {number}", play)

    return st.integers(0, 3).map(of)


@st.composite
def runs(draw: st.DrawFn) -> Action:
    length, judge = draw(st.sampled_from([30, 3, 11, 17, 60])), draw(st.sampled_from(JUDGES))
    by = draw(st.sampled_from([5.0, 2.5]))
    return Action(f"run {length} {judge.__name__}", lambda world: world.run(length, judge, by=by))


@st.composite
def outages(draw: st.DrawFn) -> Action:
    length = draw(st.integers(3, 200))

    async def play(world: World) -> None:
        world.down(length)

    return Action(f"down {length}", play)


@st.composite
def ends(draw: st.DrawFn) -> Action:
    outcome = draw(st.sampled_from([Success(), Failure("late"), None]))
    return Action(f"finish {outcome}", lambda world: world.finish(outcome))


@st.composite
def updates(draw: st.DrawFn) -> Action:
    schedule = draw(st.one_of(st.none(), endless, endless, schedules))
    number = draw(st.integers(0, 3))
    changes: dict[str, Any] = {"description": "changed"}
    if schedule is not None:
        changes = {"schedule": schedule.model_dump(mode="json")}
    elif draw(st.booleans()):
        changes = {"overlap": draw(st.sampled_from([one.value for one in Overlap])), "hooks": []}

    async def play(world: World) -> None:
        if world.jobs:
            with suppress(Conflict, InvalidInput):
                await world.update(world.jobs[number % len(world.jobs)], **changes)

    return Action(f"update {number} {changes}", play)


async def _redrive(world: World, job: Job) -> None:
    if await world.letters(job):
        await world.redrive(job)


async def _discard(world: World, job: Job) -> None:
    if await world.letters(job):
        await world.discard(job)


async def _pause_for_a_while(world: World, job: Job) -> None:
    await world.pause(job)
    await world.run(17, flaky, by=5)
    await world.resume(job)


async def _fail_and_redrive(world: World, job: Job) -> None:
    await world.run(20, fails, by=5)
    await _redrive(world, job)
    await world.run(5, flaky)


async def _chain(world: World, job: Job) -> None:
    if await world.is_live(job):
        await world.chain(job)


deeds = st.one_of(
    submissions(),
    runs(),
    runs(),
    runs(),
    outages(),
    ends(),
    updates(),
    updates(),
    to_a_job("pause", World.pause),
    to_a_job("pause for a while", _pause_for_a_while),
    to_a_job("fail and redrive", _fail_and_redrive),
    to_a_job("resume", World.resume),
    to_a_job("skip", World.skip),
    to_a_job("trigger", World.trigger),
    to_a_job("cancel", World.cancel),
    to_a_job("redrive", _redrive),
    to_a_job("discard", _discard),
    to_a_job("chain", _chain),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Action]:
    """A job or two, and what happens to them and others."""
    begin = draw(st.lists(submissions(), min_size=1, max_size=3))
    first_run = draw(runs())
    middle = draw(st.lists(deeds, min_size=LEAST_ACTIONS, max_size=MOST_ACTIONS))
    return [*begin, first_run, *middle, draw(runs())]


async def play(world: World, history: Sequence[Action]) -> None:
    """Lets it happen, and gives the cluster a moment at the end."""
    for action in history:
        await action.play(world)
    await world.turn()
