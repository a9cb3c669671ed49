"""The demo's table of executions: live on a terminal, one line for each end elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from rich.live import Live
from rich.table import Table

from karya.cli.output import out, say
from karya.cli.tables import make_table
from karya.core.job import MAIN_STEP
from karya.core.task import OPEN_STATES, TaskState
from karya.core.views import SummaryView, TaskView


@dataclass(frozen=True)
class Execution:
    """One row."""

    task_id: str
    job: str
    step: str
    """The name of the step, or what fired the hook; empty for the only step of a job."""
    instant: datetime
    attempt: int
    status: TaskState
    lateness_ms: int | None

    @classmethod
    def of(cls, job: str, task: TaskView) -> "Execution":
        """The row of a task of this job."""
        step = "" if task.step == MAIN_STEP else task.step
        return cls(task.id, job, step, task.instant, task.attempts, task.status, task.lateness_ms)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.status not in OPEN_STATES

    @property
    def cells(self) -> tuple[str, ...]:
        """As it is shown."""
        late = "" if self.lateness_ms is None else str(self.lateness_ms)
        clock = self.instant.astimezone().strftime("%H:%M:%S.%f")[:-3]
        return self.job, self.step, clock, str(self.attempt or ""), self.status.value, late

    @property
    def line(self) -> str:
        """As it is told when it has ended."""
        job, step, clock, attempt, status, late = self.cells
        ran = f" in attempt {attempt}" if attempt else ""
        return f"{job}{step and ' > '}{step} of {clock}: {status}{ran}{late and f', {late} ms late'}"


def executions(summaries: Mapping[str, SummaryView]) -> list[Execution]:
    """The executions of these jobs, job by job in their order, each by instant and step."""
    return [
        Execution.of(name, task)
        for name, summary in summaries.items()
        for task in sorted(summary.tasks, key=lambda task: (task.instant, _place(task, summary)))
    ]


def _place(task: TaskView, summary: SummaryView) -> int:
    names = [step.name for step in summary.job.steps]
    return names.index(task.step) if task.step in names else len(names)


class Board:
    """Shows the executions while they happen, and the whole table at the end."""

    def __init__(self) -> None:
        self._live = Live(console=out, auto_refresh=False) if out.is_terminal else None
        self._rows: Sequence[Execution] = ()
        self._told: set[tuple[str, TaskState]] = set()

    def show(self, rows: Sequence[Execution]) -> None:
        """The present state of all executions."""
        self._rows = rows
        if self._live is not None:
            self._live.update(_table(rows), refresh=True)
            return
        for row in rows:
            if row.ended and (row.task_id, row.status) not in self._told:
                self._told.add((row.task_id, row.status))
                say(row.line)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
        else:
            out.print(_table(self._rows))


def _table(rows: Sequence[Execution]) -> Table:
    table = make_table("job", "step", "instant", "attempt", "status", "late (ms)")
    for row in rows:
        table.add_row(*row.cells)
    return table
