"""The occurrences of a job: one task for each step, opened in their order, each with one fate."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from karya.core.audit.case import Case
from karya.core.audit.findings import Code, Finding
from karya.core.audit.records import TaskRecord
from karya.core.audit.tally import Tally, fate_of
from karya.core.graph import Gate, Open, Skip, Wait
from karya.core.outline import StepOutline
from karya.core.task import OPEN_STATES, TaskState
from karya.core.transitions import DISCARDED

_WENT_ON = frozenset({TaskState.READY, TaskState.RUNNING, TaskState.SUCCEEDED, TaskState.DEAD})
"""States in which a step is only after its gate has opened."""


def check_occurrences(case: Case) -> Iterator[Finding]:
    """What is wrong with the occurrences inside the stretch."""
    for tasks in case.occurrences.values():
        yield from _doubled(case, tasks)
        version = case.history.version(tasks[0].version)
        if version is None:
            continue
        steps = {step.name: step for step in version.outline.steps}
        yield from _complete(case, tasks, steps)
        yield from _gates(case, {task.step: task for task in tasks}, steps)


def count_occurrences(case: Case, tally: Tally) -> None:
    """Counts those inside the stretch by their fate."""
    for tasks in case.occurrences.values():
        fates = tally.instants if tasks[0].is_scheduled else tally.triggered
        fates[fate_of(task.status for task in tasks)] += 1


def _doubled(case: Case, tasks: Sequence[TaskRecord]) -> Iterator[Finding]:
    for step, count in Counter(task.step for task in tasks).items():
        if count > 1:
            twin = max((task for task in tasks if task.step == step), key=lambda task: task.id)
            yield case.finding(Code.DUPLICATE, f"step {step!r} has {count} tasks", task=twin)


def _complete(case: Case, tasks: Sequence[TaskRecord], steps: Mapping[str, StepOutline]) -> Iterator[Finding]:
    first = tasks[0]
    there = {task.step for task in tasks}
    if case.must_be_complete(first.instant):
        for name in steps.keys() - there:
            text = f"the occurrence {first.cause} has no task of step {name!r}"
            yield case.finding(Code.MISSING_STEP, text, instant=first.instant)
    for task in tasks:
        if task.step not in steps or task.version != first.version:
            text = f"version {first.version} of the job has no step {task.step!r} for this occurrence"
            yield case.finding(Code.EXTRA_STEP, text, task=task)


def _gates(
    case: Case, tasks: Mapping[str, TaskRecord], steps: Mapping[str, StepOutline]
) -> Iterator[Finding]:
    revived = any(case.story(task).is_redriven or task.reason == DISCARDED for task in tasks.values())
    for name, task in tasks.items():
        step = steps.get(name)
        if step is None or not step.after:
            continue
        if not revived:
            yield from _contradictions(case, task, tasks)
        verdict = Gate(step.when, task.waiting_on, task.outcomes).verdict()
        if task.status is TaskState.BLOCKED:
            yield from _blocked(case, task, tasks, verdict)
        elif task.status in _WENT_ON and not isinstance(verdict, Open):
            text = f"is {task.status}, although the steps before it did not end as it asks for"
            yield case.finding(Code.WRONG_GATE, text, task=task)


def _contradictions(case: Case, task: TaskRecord, tasks: Mapping[str, TaskRecord]) -> Iterator[Finding]:
    """What a step was told of the steps before it is what became of them. Where somebody redrove or discarded
    a dead letter, they may have come to something else since."""
    for name, told in task.outcomes.items():
        before = tasks.get(name)
        if before is not None and before.status is not told:
            text = f"was told that step {name!r} is {told}; it is {before.status}"
            yield case.finding(Code.WRONG_GATE, text, task=task)


def _blocked(
    case: Case, task: TaskRecord, tasks: Mapping[str, TaskRecord], verdict: Wait | Open | Skip
) -> Iterator[Finding]:
    if not isinstance(verdict, Wait):
        yield case.finding(Code.STUCK_STEP, "is BLOCKED, although nothing keeps it", task=task)
        return
    for name in sorted(task.waiting_on):
        before = tasks.get(name)
        if before is not None and before.status not in OPEN_STATES:
            text = f"waits for step {name!r}, which has ended as {before.status}"
            yield case.finding(Code.STUCK_STEP, text, task=task)
