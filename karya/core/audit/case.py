"""One job under audit: what is stored of it, put in order for those who check it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from karya.core.audit.findings import Code, Finding
from karya.core.audit.history import History
from karya.core.audit.records import Entry, Moment, TaskRecord
from karya.core.audit.story import NOTHING_FAILED, Story, story_of
from karya.core.task import TaskState


class Case:
    """An entry of the ledger, its history, and the moment at which it is judged.

    Of instants behind `complete_after` nothing may be missing: retention cannot have removed it yet.
    """

    def __init__(self, entry: Entry, moment: Moment) -> None:
        self.entry = entry
        self.job = entry.job
        self.moment = moment
        self.history = History(entry.job, entry.steers, is_whole=entry.is_whole)
        self.complete_after = self.history.complete_after(moment.now)
        self.steps = [task for task in entry.tasks if task.is_step]
        self.hooks = [task for task in entry.tasks if not task.is_step]
        self.occurrences = _by_cause(self.steps)
        self._known = {**entry.related, **{task.id: task for task in entry.tasks}}
        self._stories: dict[str, Story] = {}

    @property
    def knows_all(self) -> bool:
        """Whether all that was done to the job is known."""
        return self.entry.is_whole and self.history.is_sound

    def known(self, task_id: str) -> TaskRecord | None:
        """This task, inside the stretch or related to it."""
        return self._known.get(task_id)

    def story(self, task: TaskRecord) -> Story:
        """What became of the failed attempts of a task."""
        logs = self.entry.logs.get(task.id)
        if not logs:
            return NOTHING_FAILED
        if task.id not in self._stories:
            self._stories[task.id] = story_of(task, logs)
        return self._stories[task.id]

    def must_be_complete(self, instant: datetime) -> bool:
        """Whether all that belongs to this instant must be on record."""
        return instant > self.complete_after

    def finding(
        self, code: Code, text: str, *, task: TaskRecord | None = None, instant: datetime | None = None
    ) -> Finding:
        """A violation, of a task or of an instant or else of the job."""
        if task is not None:
            return Finding(code, self.job.id, text, instant or task.instant, task.id)
        return Finding(code, self.job.id, text, instant)


def _by_cause(steps: Sequence[TaskRecord]) -> Mapping[str, Sequence[TaskRecord]]:
    found: dict[str, list[TaskRecord]] = defaultdict(list)
    for task in steps:
        found[task.cause].append(task)
    return found


def states_of(tasks: Collection[TaskRecord]) -> Iterator[TaskState]:
    """The states of these tasks."""
    return (task.status for task in tasks)
