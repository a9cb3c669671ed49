"""Jobs as the model knows them: a few numbers, of which the spec is written and the truth computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from karya.core.action import Action, NoopAction
from karya.core.hook import HookSpec, Trigger
from karya.core.policies import Misfire, MisfirePolicy, Overlap, Retention
from karya.core.retry import Backoff, RetryPolicy
from karya.core.spec import JobSpec
from karya.core.steps import StepSpec, When
from tests.model.sharing import Sharing
from tests.model.timings import MINUTE, At, Timing


def ms(number: float) -> timedelta:
    """Milliseconds."""
    return timedelta(milliseconds=number)


Shape = tuple[tuple[str, tuple[str, ...], str], ...]
"""Steps: name, those before it, and how they must have ended."""
ALONE: Shape = (("main", (), "success"),)
SHAPES: tuple[Shape, ...] = (
    ALONE,
    (("a", (), "success"), ("b", ("a",), "success")),
    (("a", (), "success"), ("b", ("a",), "failure"), ("c", ("a",), "always")),
    (
        ("a", (), "success"),
        ("b", ("a",), "success"),
        ("c", ("a",), "success"),
        ("d", ("b", "c"), "success"),
    ),
    (("a", (), "success"), ("b", (), "success"), ("c", ("a", "b"), "failure"), ("d", ("c",), "always")),
)


SECOND = timedelta(seconds=1)
AT_ONCE = At(timedelta(0))
NOTHING = Sharing()


@dataclass(frozen=True)
class Terms:
    """What a client wants of a job."""

    timing: Timing = AT_ONCE
    shape: Shape = ALONE
    triggers: frozenset[str] = frozenset()
    attempts: int = 2
    delay: timedelta = SECOND
    doubling: bool = False
    jitter: float = 0.0
    overlap: str = "allow"
    misfire: str = "all"
    grace: timedelta = MINUTE
    window: timedelta | None = timedelta(hours=1)
    kept: timedelta | None = None
    sharing: Sharing = NOTHING

    @property
    def names(self) -> frozenset[str]:
        """Its steps."""
        return frozenset(name for name, _, _ in self.shape)

    def following(self, created: datetime, at: datetime, seen: int = 0) -> datetime | None:
        """The first instant after `at`, of a job that has had so many."""
        if self.timing.max_runs is not None and seen >= self.timing.max_runs:
            return None
        return next((one for one in self.timing.instants(created) if one > at), None)

    def has(self, created: datetime, at: datetime) -> bool:
        """Whether this is an instant of the schedule."""
        return self.following(created, at - ms(1)) == at

    def between(self, created: datetime, after: datetime, until: datetime) -> list[datetime]:
        """The instants behind `after` up to `until`, however many it may have."""
        found: list[datetime] = []
        for one in self.timing.instants(created):
            if one > until:
                break
            if one > after:
                found.append(one)
        return found

    def backoff(self, attempt: int) -> timedelta:
        """The shortest wait after this attempt."""
        return self.delay * (2 ** (attempt - 1) if self.doubling else 1)

    def spec(self, created: datetime) -> JobSpec[Action]:
        """What the client writes."""
        kept = {} if self.kept is None else {"succeeded": self.kept, "other": self.kept, "dead": self.kept}
        steps = [
            StepSpec[Action](name=name, action=NoopAction(), after=after, when=When(when))
            for name, after, when in self.shape
        ]
        return JobSpec[Action](
            schedule=self.timing.schedule(created),
            action=NoopAction() if self.shape is ALONE else None,
            steps=() if self.shape is ALONE else tuple(steps),
            hooks=tuple(
                HookSpec[Action](trigger=Trigger(name), action=NoopAction()) for name in sorted(self.triggers)
            ),
            retry=RetryPolicy(
                max_attempts=self.attempts,
                backoff=Backoff.EXPONENTIAL if self.doubling else Backoff.CONSTANT,
                delay=self.delay,
                jitter=self.jitter,
            ),
            overlap=Overlap(self.overlap),
            misfire=Misfire(policy=MisfirePolicy(self.misfire), grace=self.grace, window=self.window),
            retention=Retention(**kept),
            **self.sharing.fields(),
        )


def opens(when: str, before: Mapping[str, str]) -> bool:
    """Whether a step may run, given what became of those before it (all ended)."""
    states = set(before.values())
    match when:
        case "success":
            return states <= {"SUCCEEDED"}
        case "failure":
            return "DEAD" in states
        case _:
            return True
