"""What the judge goes by: what was submitted and acknowledged, what arrived at the targets, when there was
trouble."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tests.chaos.judge.schedules import Schedule

FOR_EVER = 2**62
HOOK = "on:"
"""What the parts of hooks begin with: the part `on:ON_SUCCESS` is the target of that hook."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that a client asked for until it was acknowledged; None when it never was."""

    at: int
    acked: int | None

    @property
    def holds_from(self) -> int:
        """From when on it certainly holds."""
        return FOR_EVER if self.acked is None else self.acked


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause and the resume that ended it; None: it was not resumed."""

    began: Asked
    ended: Asked | None = None

    @property
    def certain(self) -> tuple[int, int]:
        """When the job was paused beyond doubt."""
        return self.began.holds_from, FOR_EVER if self.ended is None else self.ended.at

    @property
    def possible(self) -> tuple[int, int]:
        """When it may have been."""
        return self.began.at, FOR_EVER if self.ended is None else self.ended.holds_from


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job, as it was submitted. Its target answers as the step says it will: a `dies` one never
    with success. An invisible one calls no target: what becomes of it is seen by what follows."""

    name: str = "main"
    after: tuple[str, ...] = ()
    when: str = "success"
    dies: bool = False
    visible: bool = True
    max_attempts: int = 30
    delay: int = 0
    """The least wait between the end of a failed attempt and the next one."""
    timeout: int = 30_000


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit by key: so many at once, or so many in any stretch of `per` milliseconds."""

    key: str
    most: int
    per: int = 0


@dataclass(frozen=True)
class Job:
    """One job. `key` stands in the URL of each of its targets, so it is known whether or not the submit was
    acknowledged; `created` is the moment of creation that the acknowledgement names."""

    key: str
    schedule: Schedule
    sent: int
    acked: int | None
    created: int | None
    steps: tuple[Step, ...] = (Step(),)
    hooks: frozenset[str] = frozenset()
    cancel: Asked | None = None
    pauses: tuple[Pause, ...] = ()
    triggers: tuple[tuple[int, int], ...] = ()
    """Runs that were asked for by hand: the instant that the answer names, and when the answer came."""
    skippable: bool = False
    """Its policies let it skip instants that come while there is trouble."""
    alone: bool = False
    """No occurrence of it begins before the one before has ended."""
    parent: "Job | None" = None
    """The job whose chained action submits this one."""
    seat: Limit | None = None
    window: Limit | None = None
    waits: int = 0
    """How much longer than others its runs may have to wait, because of its limits."""
    name: str | None = None
    refused: bool = False
    """The submit was answered, and refused."""

    @cached_property
    def outcomes(self) -> Mapping[str, str]:
        """What is to become of each step of an occurrence: SUCCEEDED, DEAD or SKIPPED."""
        found: dict[str, str] = {}
        for step in self.steps:
            runs = _runs(step, [found[name] for name in step.after])
            found[step.name] = "SKIPPED" if not runs else "DEAD" if step.dies else "SUCCEEDED"
        return found


def _runs(step: Step, before: list[str]) -> bool:
    match step.when:
        case "success":
            return all(outcome == "SUCCEEDED" for outcome in before)
        case "failure":
            return "DEAD" in before
        case _:
            return True


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as a target recorded it. `status` is None for one that was never answered, because the
    client went away; `ended` is None while it is open."""

    number: int
    key: str
    part: str
    ident: str
    attempt: int
    token: int
    instant: int
    at: int
    ended: int | None = None
    status: int | None = None
    about: str = ""
    """Of a hook: the subject of its event."""

    @property
    def succeeded(self) -> bool:
        """Whether the target answered with success."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Heard:
    """One event that a listener was told: its place among all, its kind, and the task that it is about."""

    position: str
    kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """From when until when a fault excuses that something is late, and that what was in mid-request is done
    again: from its injection until the end of its bound."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Drain:
    """From when until when workers ended in order. What they could not finish they handed back, which counts
    as no attempt: the same one is made again, under a higher token. Nothing else is excused by it."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How exact the judge is."""

    skew: int = 20
    """By how much clocks of one machine, read one after the other, may disagree."""
    patience: int = 8_000
    """How late a start may be without any trouble: the machine is shared."""
    leaving: int = 1_000
    """The connect time-out: for so long a request that was already leaving may arrive after a cancel."""
    commit: int = 3_000
    """How long after the answer of a target its worker may still be about to store the outcome."""


@dataclass(frozen=True)
class History:
    """All of it. `until` is when the recording ended."""

    jobs: Mapping[str, Job]
    arrivals: tuple[Arrival, ...]
    until: int
    troubles: tuple[Trouble, ...] = ()
    drains: tuple[Drain, ...] = ()
    limits: Limits = field(default_factory=Limits)
    heard: tuple[Heard, ...] | None = None
    """What a listener was told; None: nobody listened."""
