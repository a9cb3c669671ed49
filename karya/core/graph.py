"""The steps of a job as a graph: what makes it sound, and when a step behind others may run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from itertools import islice

from karya.core.errors import FieldError
from karya.core.fields import MOST_ERRORS
from karya.core.steps import Step, When
from karya.core.task import OPEN_STATES, TaskState
from karya.core.template import STEPS, TemplateError, references

_MOST_NAMED = 3
_NOT_BEGUN = frozenset({TaskState.SKIPPED, TaskState.BLOCKED})
_BECAME: Mapping[TaskState, str] = {
    TaskState.SUCCEEDED: "succeeded",
    TaskState.DEAD: "failed",
    TaskState.CANCELLED: "was cancelled",
    TaskState.SKIPPED: "was skipped",
}


def check_graph(steps: Sequence[Step]) -> list[FieldError]:
    """What is wrong with the graph, at most 20 errors; empty when it is sound.

    Names differ, `after` names other steps, each once, nothing waits for itself over any number of
    steps, `failure` has something to wait for, and templates use only steps that come before.
    """
    for check in (_names, _edges, _cycle, _templates):  # each relies on the ones before it
        if errors := list(islice(check(steps), MOST_ERRORS)):
            return errors
    return []


def ancestors(steps: Sequence[Step]) -> Mapping[str, frozenset[str]]:
    """For each step all those that come before it, over any number of steps. The graph is a sound one."""
    after = {step.name: step.after for step in steps}
    before: dict[str, frozenset[str]] = {}
    for name in TopologicalSorter(after).static_order():
        before[name] = frozenset(after[name]).union(*(before[parent] for parent in after[name]))
    return before


def successors(steps: Sequence[Step]) -> Mapping[str, tuple[str, ...]]:
    """For each step those that name it in `after`, in the order of the job. The graph is a sound one."""
    behind: dict[str, list[str]] = {step.name: [] for step in steps}
    for step in steps:
        for name in step.after:
            behind[name].append(step.name)
    return {name: tuple(names) for name, names in behind.items()}


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is decided: it depends on steps that have not ended."""


@dataclass(frozen=True, slots=True)
class Open:
    """The step may run."""


@dataclass(frozen=True, slots=True)
class Skip:
    """The step will not run, for this reason, which its owner reads."""

    reason: str


Verdict = Wait | Open | Skip


@dataclass(frozen=True, slots=True)
class Gate:
    """What a BLOCKED step waits for, and what became of the steps that have ended."""

    when: When
    waiting_on: frozenset[str]
    outcomes: Mapping[str, TaskState] = field(default_factory=dict)

    @classmethod
    def of(cls, step: Step) -> "Gate":
        """The gate of a step none of whose steps before it has ended."""
        return cls(step.when, frozenset(step.after))

    def after(self, name: str, state: TaskState) -> "Gate":
        """The gate once the step `name` has ended in this terminal state; told again, nothing changes."""
        if state in OPEN_STATES:
            raise ValueError(f"step {name!r} has not ended: it is {state}")
        if name not in self.waiting_on:
            return self
        return replace(self, waiting_on=self.waiting_on - {name}, outcomes={**self.outcomes, name: state})

    def verdict(self) -> Verdict:
        """Whether the step may run. Once it is Open or Skip, no further outcome changes it."""
        match self.when:
            case When.SUCCESS:
                return self._on_success()
            case When.FAILURE:
                return self._on_failure()
            case When.ALWAYS:
                return Wait() if self.waiting_on else Open()

    def _on_success(self) -> Verdict:
        for name, state in self.outcomes.items():
            if state is not TaskState.SUCCEEDED:
                return Skip(_became(name, state))
        return Wait() if self.waiting_on else Open()

    def _on_failure(self) -> Verdict:
        if self.waiting_on:
            return Wait()
        if TaskState.DEAD in self.outcomes.values():
            return Open()
        ended = [_became(name, state) for name, state in sorted(self.outcomes.items())]
        more = f" and {len(ended) - _MOST_NAMED} more" if len(ended) > _MOST_NAMED else ""
        return Skip(f"runs only after a failure: {', '.join(ended[:_MOST_NAMED])}{more}")


def reopened(steps: Sequence[Step], states: Mapping[str, TaskState], redriven: str) -> Mapping[str, Gate]:
    """The new gates of the steps that wait (again) because the DEAD step `redriven` runs once more, in the
    order of the graph: those that were skipped behind it, and those still BLOCKED that had heard of its
    failure. What ran already, because it failed, stays as it is.

    `states` are those of the occurrence's steps before the redrive. A step that another one keeps shut
    stays SKIPPED, and nothing waits for it.
    """
    by_name = {step.name: step for step in steps}
    undecided, gates = {redriven}, dict[str, Gate]()
    for name in TopologicalSorter({step.name: step.after for step in steps}).static_order():
        step = by_name[name]
        if states[name] not in _NOT_BEGUN or undecided.isdisjoint(step.after):
            continue
        gate = Gate.of(step)
        for parent in step.after:
            if parent not in undecided and states[parent] not in OPEN_STATES:
                gate = gate.after(parent, states[parent])
        if not isinstance(gate.verdict(), Skip):
            undecided.add(name)
            gates[name] = gate
    return gates


def _became(name: str, state: TaskState) -> str:
    return f"step '{name}' {_BECAME[state]}"


def _names(steps: Sequence[Step]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for number, step in enumerate(steps):
        if step.name in seen:
            yield FieldError(f"steps.{number}.name", f"another step is named {step.name!r} already")
        seen.add(step.name)


def _edges(steps: Sequence[Step]) -> Iterator[FieldError]:
    names = [step.name for step in steps]
    for number, step in enumerate(steps):
        if step.when is When.FAILURE and not step.after:
            yield FieldError(
                f"steps.{number}.when", "'failure' needs steps to come after: name them in after"
            )
        for place, name in enumerate(step.after):
            if problem := _edge(step, place, name, names):
                yield FieldError(f"steps.{number}.after.{place}", problem)


def _edge(step: Step, place: int, name: str, names: Sequence[str]) -> str | None:
    if name == step.name:
        return f"step {name!r} cannot come after itself"
    if name not in names:
        return f"there is no step {name!r}{_meant(name, names)}"
    return f"{name!r} is listed twice" if name in step.after[:place] else None


def _meant(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f": did you mean {close[0]!r}?" if close else ""


def _cycle(steps: Sequence[Step]) -> Iterator[FieldError]:
    try:
        TopologicalSorter({step.name: step.after for step in steps}).prepare()
    except CycleError as error:
        numbers = {step.name: number for number, step in enumerate(steps)}
        circle: list[str] = error.args[1][:-1]
        start = circle.index(min(circle, key=numbers.__getitem__))
        circle = circle[start:] + circle[:start]
        number = numbers[circle[0]]
        place = steps[number].after.index(circle[-1])
        yield FieldError(
            f"steps.{number}.after.{place}",
            f"the steps wait for each other: {' > '.join([*circle, circle[0]])}",
        )


def _templates(steps: Sequence[Step]) -> Iterator[FieldError]:
    before = ancestors(steps)
    for number, step in enumerate(steps):
        try:
            used = sorted({path[1] for path in references(step.action) if path[0] == STEPS})
        except TemplateError as error:
            yield FieldError(f"steps.{number}.action", str(error))
            continue
        for name in used:
            if name not in before[step.name]:
                yield FieldError(
                    f"steps.{number}.action", f"refers to steps.{name}, {_why_not(step, name, before)}"
                )


def _why_not(step: Step, name: str, before: Mapping[str, frozenset[str]]) -> str:
    if name == step.name:
        return "itself, which has no result yet"
    if name not in before:
        return f"which is no step of this job{_meant(name, list(before))}"
    if step.name in before[name]:
        return "which comes after it"
    return "which does not come before it: add it to after"
