"""What an entry points to outside its stretch: it has to be read, too, before the entry can be judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from karya.core.audit.case import Case
from karya.core.audit.firing import fired_by_end, fired_by_task
from karya.core.audit.hooks import is_misfired
from karya.core.audit.sources import source_of
from karya.core.hook import Trigger
from karya.core.ids import task_id
from karya.core.misfire import is_misfire
from karya.core.times import format_instant


@dataclass(frozen=True, slots=True)
class Pointers:
    """Tasks by their ids, ON_MISFIRE hooks by when they fired, skipped ranges by their first instants."""

    tasks: frozenset[str]
    misfires: frozenset[datetime]
    ranges: frozenset[datetime]


def pointers_of(case: Case) -> Pointers:
    """What the entry of this case points to."""
    tasks = {*_hooks(case), *_sources(case)} - {task.id for task in case.entry.tasks}
    return Pointers(frozenset(tasks), frozenset(_misfires(case)), frozenset(_ranges(case)))


def _hooks(case: Case) -> Iterator[str]:
    for task in case.steps:
        for hook in fired_by_task(case.history, task, case.story(task)):
            yield hook.id
    if case.entry.is_last:
        for hook in fired_by_end(case.job):
            yield hook.id


def _sources(case: Case) -> Iterator[str]:
    """The tasks that fired the hooks inside, and the steps of the instants that misfired."""
    names = {step.name for version in case.history.versions for step in version.outline.steps}
    for hook in case.hooks:
        source = source_of(hook)
        if source is None:
            continue
        if source.first is None:
            yield source.id
        else:
            cause = f"at:{format_instant(source.first)}"
            yield from (task_id(case.job.id, cause, name) for name in names)


def _misfires(case: Case) -> Iterator[datetime]:
    if not any(Trigger.ON_MISFIRE in version.outline.hooks for version in case.history.versions):
        return
    for task in case.steps:
        if is_misfired(task) and task.finished_at is not None:
            yield task.finished_at
    for record in case.entry.ranges:
        if is_misfire(record.range.reason):
            yield record.at


def _ranges(case: Case) -> Iterator[datetime]:
    for hook in case.hooks:
        source = source_of(hook)
        if source is not None and source.first is not None:
            yield source.first
