"""The mix: every kind of job, drawn from the seed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from tests.chaos.judge.facts import Limit
from tests.chaos.judge.schedules import Cron, Interval, Once
from tests.chaos.workload.draft import HOOKS, Draft, Sharing, Steering, Work
from tests.chaos.workload.owners import Owners

LIFE = 16_000
"""About how long a recurring job lives."""

_FAN_OUT = (
    Work("extract", "fail-1"),
    Work("load", "slow-150", ("extract",)),
    Work("count", "ok", ("extract",)),
    Work("never", "ok", ("load",), "failure"),
    Work("report", "ok", ("load", "count", "never"), "always"),
)
_BREAKING = (
    Work("breaks", "down", dies=True, max_attempts=2),
    Work("never", "ok", ("breaks",)),
    Work("alarm", "ok", ("breaks",), "failure"),
)


class Mix:
    """Makes drafts. All of its times are milliseconds; `now` is when they are about to be submitted."""

    def __init__(self, random: Random, owners: Owners) -> None:
        self._random = random
        self._owners = owners
        self._made = 0

    def wave(self, now: int) -> Sequence[Draft]:
        """One of each kind."""
        return [draft for kind in self._kinds for draft in kind(now)]

    def steady(self, now: int, per_second: float) -> Sequence[Draft]:
        """Plain recurring jobs that together run so often, for LIFE."""
        made, left = [], per_second
        while left > 0.5:
            every = self._random.randrange(200, 500)
            made.append(self._draft("steady", self._interval(now, every)))
            left -= 1000 / every
        return made

    def pulse(self, now: int) -> Draft:
        """The job that tells whether the cluster lives: four times a second, until it is cancelled."""
        return self._draft("pulse", Interval(250, now))

    @property
    def _kinds(self) -> Sequence[Callable[[int], Iterator[Draft]]]:
        return [
            self._punctual,
            self._slow,
            self._failing,
            self._dying,
            self._recurring,
            self._ending,
            self._steps,
            self._breaking,
            self._hooked,
            self._chaining,
            self._cron,
            self._cancelled,
            self._cancelled_in_chain,
            self._paused,
            self._triggered,
            self._particular,
            self._impatient,
            self._limited,
            self._rated,
            self._named,
            self._owned,
        ]

    def _draft(self, kind: str, *given: object, **fields: object) -> Draft:
        self._made += 1
        return Draft(f"{kind}-{self._made}", *given, **fields)  # type: ignore[arg-type]

    def _soon(self, now: int) -> Once:
        return Once(now + self._random.randrange(300, 9_000))

    def _interval(self, now: int, every: int) -> Interval:
        """Half of them count from the submission."""
        anchor = None if self._random.random() < 0.5 else now - self._random.randrange(5_000)
        return Interval(every, anchor, max_runs=LIFE // every)

    def _punctual(self, now: int) -> Iterator[Draft]:
        for _ in range(10):
            urgency = Sharing(priority=self._random.choice((0, 3, 9)))
            yield self._draft("punctual", self._soon(now), sharing=urgency)

    def _slow(self, now: int) -> Iterator[Draft]:
        for _ in range(8):
            slow = Work(behaviour=f"slow-{self._random.randrange(800, 3_000)}")
            yield self._draft("slow", self._soon(now), (slow,))

    def _failing(self, now: int) -> Iterator[Draft]:
        for failures in (1, 2, 3):
            yield self._draft("failing", self._soon(now), (Work(behaviour=f"fail-{failures}"),))

    def _dying(self, now: int) -> Iterator[Draft]:
        dies = Work(behaviour="down", dies=True, max_attempts=3)
        yield self._draft("dying", self._soon(now), (dies,), ("ON_FAILURE", "ON_COMPLETION"))

    def _recurring(self, now: int) -> Iterator[Draft]:
        for every in (500, 1_000, 2_000):
            yield self._draft("recurring", self._interval(now, every))
        slow = Work(behaviour=f"slow-{self._random.randrange(500, 1_500)}")
        yield self._draft("recurring-slow", self._interval(now, 1_000), (slow,))

    def _ending(self, now: int) -> Iterator[Draft]:
        end = now + LIFE + self._random.randrange(1_000)
        yield self._draft("ending", Interval(700, None, None, end), hooks=("ON_COMPLETION",))

    def _steps(self, now: int) -> Iterator[Draft]:
        yield self._draft("steps", self._interval(now, 3_000), _FAN_OUT, ("ON_SUCCESS",))

    def _breaking(self, now: int) -> Iterator[Draft]:
        yield self._draft("breaking", self._interval(now, 4_000), _BREAKING, ("ON_FAILURE",))

    def _hooked(self, now: int) -> Iterator[Draft]:
        yield self._draft("hooked", self._interval(now, 1_500), hooks=HOOKS)

    def _chaining(self, now: int) -> Iterator[Draft]:
        for _ in range(2):
            child = self._draft("chained", Once(self._random.randrange(100, 4_000)), hooks=("ON_COMPLETION",))
            chain = Work(action={"type": "chain"})
            yield self._draft("chaining", self._soon(now), (chain,), child=child)

    def _cron(self, now: int) -> Iterator[Draft]:
        if self._random.random() < 0.4:
            yield self._draft("cron", Cron("* * * * *", max_runs=self._random.choice((1, 2))))

    def _cancelled(self, now: int) -> Iterator[Draft]:
        for work in (Work(), Work(behaviour="slow-700")):
            steering = Steering(cancel_after=self._random.uniform(1, 12))
            draft = self._draft("cancelled", self._interval(now, 500), (work,), ("ON_CANCELLED",))
            yield replace(draft, steering=steering)

    def _cancelled_in_chain(self, now: int) -> Iterator[Draft]:
        child = self._draft("orphaned", Once(8_000))
        steering = Steering(cancel_after=self._random.uniform(0.5, 7))
        chain = Work(action={"type": "chain"})
        yield self._draft("abandoned", Once(now + 500), (chain,), child=child, steering=steering)

    def _paused(self, now: int) -> Iterator[Draft]:
        start = self._random.uniform(1, 8)
        steering = Steering(pause_after=start, resume_after=start + self._random.uniform(2, 6))
        yield self._draft("paused", self._interval(now, 600), steering=steering)

    def _triggered(self, now: int) -> Iterator[Draft]:
        steering = Steering(trigger_after=self._random.uniform(1, 8))
        yield self._draft("triggered", self._interval(now, 5_000), steering=steering)

    def _particular(self, now: int) -> Iterator[Draft]:
        """Those that would rather skip an instant than run it late, or beside another."""
        # Longer than the judge's patience: without trouble nothing may be skipped.
        misfire = {"misfire": {"policy": "skip", "grace": "PT10S"}}
        yield self._draft("skipping", self._interval(now, 1_000), policies=misfire)
        for overlap in ("skip", "queue"):
            slow = Work(behaviour="slow-200")
            alone = self._draft(overlap, self._interval(now, 2_000), (slow,), policies={"overlap": overlap})
            yield alone

    def _limited(self, now: int) -> Iterator[Draft]:
        """More at one instant than may run at once, and one that is paused while it waits."""
        few, together = Sharing(seat=Limit("few", 3), priority=9), self._soon(now)
        for _ in range(10):
            slow = Work(behaviour=f"slow-{self._random.randrange(100, 700)}")
            yield self._draft("limited", together, (slow,), sharing=few)
        yield self._draft("limited", self._soon(now), (Work(behaviour="fail-2"),), sharing=few)
        steering = Steering(pause_after=self._random.uniform(1, 8), resume_after=9)
        slow = Work(behaviour="slow-300")
        yield self._draft("limited", self._interval(now, 2_000), (slow,), steering=steering, sharing=few)

    def _rated(self, now: int) -> Iterator[Draft]:
        """More at one instant than may start in a while."""
        seldom, together = Sharing(window=Limit("seldom", 10, 4_000)), self._soon(now)
        for _ in range(13):
            yield self._draft("rated", together, sharing=seldom)

    def _named(self, now: int) -> Iterator[Draft]:
        """Three who want one name at the same time."""
        name = Sharing(name=f"name-{self._made}")
        for _ in range(3):
            yield self._draft("named", self._interval(now, 2_000), sharing=name)

    def _owned(self, now: int) -> Iterator[Draft]:
        """A crowd of one user, and at the same instant a few of another whose weight is a tenth."""
        together = self._soon(now)
        for user, count in ((self._owners.many, 12), (self._owners.few, 2)):
            for _ in range(count):
                yield self._draft("owned", together, sharing=Sharing(user=user))

    def _impatient(self, now: int) -> Iterator[Draft]:
        for _ in range(2):
            yield self._draft("impatient", self._soon(now), impatient=True)
