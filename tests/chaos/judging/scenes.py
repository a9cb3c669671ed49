"""Random jobs as a client might have submitted them, for histories that are made up."""

from dataclasses import dataclass, replace
from random import Random

from tests.chaos.judge.facts import Asked, Drain, Job, Pause, Step, Trouble
from tests.chaos.judge.schedules import Cron, Interval, Once, Schedule

START = 1_790_000_000_000
END = START + 600_000

_SHAPES = (
    (Step(delay=200),),
    (Step(dies=True, max_attempts=3, delay=100),),
    (Step(visible=False),),
    (Step("main", visible=False, dies=True, max_attempts=3),),
    (
        Step("first", delay=100),
        Step("then", ("first",), delay=300),
        Step("never", ("first",), "failure"),
    ),
    (
        Step("breaks", dies=True, max_attempts=2, delay=100),
        Step("never", ("breaks",)),
        Step("alarm", ("breaks",), "failure"),
        Step("always", ("never", "alarm"), "always"),
    ),
)
_HOOKS = ("ON_SUCCESS", "ON_FAILURE", "ON_COMPLETION", "ON_CANCELLED")


@dataclass(frozen=True)
class Scene:
    """What was asked for, and what troubles there were in between."""

    jobs: tuple[Job, ...]
    troubles: tuple[Trouble, ...]
    drains: tuple[Drain, ...]


def scene(random: Random, *, cancelled: bool = False, paused: bool = False, plain: bool = False) -> Scene:
    """A few jobs. With `cancelled` or `paused` the first one is; with `plain` it is steered by nobody and has
    a visible step."""
    troubles = tuple(Trouble(*_span_of_trouble(random)) for _ in range(random.randrange(3)))
    jobs = [_job(random, str(number)) for number in range(random.randrange(1, 4))]
    if plain:
        jobs[0] = replace(jobs[0], steps=random.choice([s for s in _SHAPES if s[0].visible]))
    elif cancelled or random.random() < 0.3:
        jobs[0] = _cancelled(random, jobs[0])
    elif paused or random.random() < 0.3:
        jobs[0] = _paused(random, jobs[0])
    drains = tuple(Drain(*_span_of_trouble(random)) for _ in range(random.randrange(3)))
    return Scene(tuple(jobs), troubles, drains)


def _span_of_trouble(random: Random) -> tuple[int, int]:
    start = START + random.randrange(60_000)
    return start, start + random.randrange(500, 20_000)


def _job(random: Random, key: str) -> Job:
    sent = START + random.randrange(5_000)
    created = sent + random.randrange(50)
    acked = created + random.randrange(500)
    hooks = frozenset(hook for hook in _HOOKS if random.random() < 0.5)
    steps = random.choice(_SHAPES)
    return Job(key, _schedule(random, created), sent, acked, created, steps, hooks)


def _schedule(random: Random, created: int) -> Schedule:
    every = random.randrange(100, 5_000)
    match random.randrange(4):
        case 0:
            return Once(created + random.randrange(-1_000, 5_000))
        case 1:
            return Interval(every, max_runs=random.randrange(1, 8))
        case 2:
            return Interval(every, created - random.randrange(9_999), end=created + every * 5)
        case _:
            return Cron(random.choice(("* * * * *", "*/2 * * * *")), max_runs=random.randrange(1, 4))


def _span(random: Random, job: Job) -> tuple[int, int]:
    assert job.acked is not None
    at = job.acked + random.randrange(12_000)
    return at, at + random.randrange(600)


def _cancelled(random: Random, job: Job) -> Job:
    return replace(job, cancel=Asked(*_span(random, job)))


def _paused(random: Random, job: Job) -> Job:
    at, acked = _span(random, job)
    again = acked + random.randrange(2_000, 10_000)
    return replace(job, pauses=(Pause(Asked(at, acked), Asked(again, again + random.randrange(500))),))
