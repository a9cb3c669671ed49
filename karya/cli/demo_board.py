"""The demo's table of executions: live on a terminal, one line for each end elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from rich.live import Live
from rich.table import Table

from karya.cli.output import make_table, out, say
from karya.core.task import OPEN_STATES, TaskKind, TaskState
from karya.core.views import SummaryView, TaskView


@dataclass(frozen=True)
class Execution:
    """One row."""

    task_id: str
    job: str
    instant: datetime
    attempt: int
    status: TaskState
    lateness_ms: int | None

    @classmethod
    def of(cls, job: str, task: TaskView) -> "Execution":
        """The row of a task of this job."""
        name = f"{job} (hook)" if task.kind is TaskKind.HOOK else job
        return cls(task.id, name, task.instant, task.attempts, task.status, task.lateness_ms)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status not in OPEN_STATES

    @property
    def cells(self) -> tuple[str, ...]:
        """As it is shown."""
        late = "" if self.lateness_ms is None else str(self.lateness_ms)
        clock = self.instant.astimezone().strftime("%H:%M:%S.%f")[:-3]
        return self.job, clock, str(self.attempt or ""), self.status.value, late


def executions(summaries: Mapping[str, SummaryView]) -> list[Execution]:
    """The executions of these jobs, by instant."""
    rows = [Execution.of(name, task) for name, summary in summaries.items() for task in summary.tasks]
    return sorted(rows, key=lambda row: (row.instant, row.job))


class Board:
    """Shows the executions while they happen, and the whole table at the end."""

    def __init__(self) -> None:
        self._live = Live(console=out, auto_refresh=False) if out.is_terminal else None
        self._rows: Sequence[Execution] = ()
        self._told: set[str] = set()

    def show(self, rows: Sequence[Execution]) -> None:
        """The present state of all executions."""
        self._rows = rows
        if self._live is not None:
            self._live.update(_table(rows), refresh=True)
            return
        for row in rows:
            if row.ended and row.task_id not in self._told:
                self._told.add(row.task_id)
                job, clock, attempt, status, late = row.cells
                say(f"{job} of {clock}: {status} in attempt {attempt}, {late or '?'} ms late")

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
    table = make_table("job", "instant", "attempt", "status", "late (ms)")
    for row in rows:
        table.add_row(*row.cells)
    return table
