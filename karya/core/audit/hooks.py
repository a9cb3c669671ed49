"""Hooks: each outcome that fires one has fired it, once, and nothing else has."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from karya.core.audit.case import Case
from karya.core.audit.findings import Code, Finding
from karya.core.audit.firing import AT_ONE_TIME, Expected, fired_by_end, fired_by_misfire, fired_by_task
from karya.core.audit.records import TaskRecord
from karya.core.audit.sources import Source, source_of
from karya.core.hook import Trigger
from karya.core.misfire import is_misfire
from karya.core.task import TaskState
from karya.core.times import format_instant


def check_hooks(case: Case) -> Iterator[Finding]:
    """The hooks that tasks and ranges inside the stretch must have fired, and those inside it that exist."""
    for task in case.steps:
        if case.must_be_complete(task.instant):
            yield from _missing(case, fired_by_task(case.history, task, case.story(task)), task)
    yield from _misfires(case)
    for hook in case.hooks:
        if not _has_cause(case, hook):
            text = f"was fired ({hook.step}), and nothing on record has fired it"
            yield case.finding(Code.HOOK_WITHOUT_CAUSE, text, task=hook)
    yield from _doubled(case)


def check_hooks_of_end(case: Case) -> Iterator[Finding]:
    """The hooks that the end of the job must have fired."""
    ended_at = case.job.finished_at
    if ended_at is not None and case.must_be_complete(ended_at):
        yield from _missing(case, fired_by_end(case.job), None)


def _missing(case: Case, expected: Iterator[Expected], source: TaskRecord | None) -> Iterator[Finding]:
    for hook in expected:
        if hook.certain and case.known(hook.id) is None:
            yield case.finding(Code.HOOK_MISSING, f"has fired no {hook.trigger} ({hook.cause})", task=source)


def _doubled(case: Case) -> Iterator[Finding]:
    seen: dict[tuple[str, str], str] = {}
    for hook in case.hooks:
        other = seen.setdefault((hook.cause, hook.step), hook.id)
        if other != hook.id:
            text = f"was fired twice ({hook.step}): {other} is the same hook"
            yield case.finding(Code.DUPLICATE, text, task=hook)


# --- where hooks come from --------------------------------------------------------------------------------


def _has_cause(case: Case, hook: TaskRecord) -> bool:
    """Whether something on record fires it. What fired it may have gone by retention, and only it be left."""
    source = source_of(hook)
    if source is None:
        return False
    if source.first is not None:
        return _has_misfired(case, hook, source, source.first)
    if source.id == case.job.id:
        return hook.instant == case.job.finished_at and _is_among(hook, fired_by_end(case.job))
    task = case.known(source.id)
    if task is None:
        return hook.instant <= case.complete_after + AT_ONE_TIME
    if case.history.version(task.version) is None:
        return True
    return not case.must_be_complete(task.instant) or _is_among(
        hook, fired_by_task(case.history, task, case.story(task))
    )


def _is_among(hook: TaskRecord, expected: Iterator[Expected]) -> bool:
    return any(one.id == hook.id for one in expected)


def _has_misfired(case: Case, hook: TaskRecord, source: Source, first: datetime) -> bool:
    if source.id != case.job.id:
        return False
    if not case.must_be_complete(first):
        return True
    alternatives = fired_by_misfire(case.history, case.job.id, first, hook.instant)
    return hook.instant in _skipped_at(case, first) and any(
        _is_among(hook, iter(hooks)) for hooks in alternatives
    )


def _skipped_at(case: Case, first: datetime) -> frozenset[datetime]:
    """When this instant was skipped as misfired, by itself or as the first of a range."""
    ranges = (*case.entry.ranges, *case.entry.related_ranges)
    found = {r.at for r in ranges if r.range.first == first and is_misfire(r.range.reason)}
    tasks = (*case.steps, *case.entry.related.values())
    cause = f"at:{format_instant(first)}"
    found |= {t.finished_at for t in tasks if t.cause == cause and is_misfired(t) and t.finished_at}
    return frozenset(found)


def is_misfired(task: TaskRecord) -> bool:
    """Whether the task was skipped as misfired."""
    return task.status is TaskState.SKIPPED and is_misfire(task.reason)


# --- misfires -----------------------------------------------------------------------------------------------


def _misfires(case: Case) -> Iterator[Finding]:
    """What was skipped at one time, in one go, has fired its hooks once, for the first instant of it."""
    fired = _misfire_hooks(case)
    for at, first in sorted(_misfired(case).items()):
        if not case.must_be_complete(min(at, first)):
            continue
        alternatives = fired_by_misfire(case.history, case.job.id, first, at)
        if all(alternatives) and not any(named <= first for named in fired.get(at, ())):
            text = f"has fired no {Trigger.ON_MISFIRE} when it was skipped at {format_instant(at)}"
            yield case.finding(Code.HOOK_MISSING, text, instant=first)
    for at, groups in fired.items():
        for first, hooks in groups.items():
            yield from _incomplete(case, at, first, hooks)


def _incomplete(case: Case, at: datetime, first: datetime, hooks: Sequence[TaskRecord]) -> Iterator[Finding]:
    """Of several hooks of one misfire all were fired."""
    there = {hook.id for hook in hooks}
    alternatives = fired_by_misfire(case.history, case.job.id, first, at)
    if case.must_be_complete(min(at, first)) and alternatives:
        lacking = min(([one for one in hooks if one.id not in there] for hooks in alternatives), key=len)
        for one in lacking:
            text = f"has fired no {one.trigger} ({one.cause})"
            yield case.finding(Code.HOOK_MISSING, text, instant=first)


def _misfired(case: Case) -> Mapping[datetime, datetime]:
    """By the time at which they were skipped: the first of the instants inside the stretch."""
    found: dict[datetime, datetime] = {}
    parts = [(t.finished_at, t.instant) for t in case.steps if is_misfired(t)]
    parts += [(r.at, r.range.first) for r in case.entry.ranges if is_misfire(r.range.reason)]
    for at, first in parts:
        if at is not None:
            found[at] = min(found.get(at, first), first)
    return found


def _misfire_hooks(case: Case) -> Mapping[datetime, Mapping[datetime, Sequence[TaskRecord]]]:
    """The ON_MISFIRE hooks that are known, by the time at which they were fired and the first instant that
    they name."""
    found: dict[datetime, dict[datetime, list[TaskRecord]]] = defaultdict(lambda: defaultdict(list))
    for hook in (*case.hooks, *case.entry.related.values()):
        source = None if hook.is_step else source_of(hook)
        if source is not None and source.first is not None:
            found[hook.instant][source.first].append(hook)
    return found
