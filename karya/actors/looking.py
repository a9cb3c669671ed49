"""Reading what is READY: whole tasks where they are new, and their keys where most of them are known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from karya.actors.lane import Lane, Look
from karya.core.ports import Agenda, DueTask, Position

_PART = 250
"""Of how many tasks it is made in one go what follows them: so long nothing is handed over."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a look has met."""

    fresh: Sequence[DueTask]
    """Those that the timetable does not know."""
    last: Position | None
    """Behind which to read on; None when nothing is there."""
    more: bool

    @property
    def parts(self) -> Iterator[Sequence[DueTask]]:
        """What is new, in parts that are planned in one go. All of it where nothing follows."""
        most = _PART if any(task.recurring for task in self.fresh) else max(1, len(self.fresh))
        return (self.fresh[start : start + most] for start in range(0, len(self.fresh), most))


class Reader:
    """Reads page by page. A look from the start meets again what it met before, as long as that waits, and by
    its key it is known at a fraction of the cost."""

    def __init__(self, agenda: Agenda, most_keys: int, most_tasks: int) -> None:
        """`most_tasks` bounds how long one page keeps what is due from being handed over."""
        self._agenda = agenda
        self._most_keys = most_keys
        self._most_tasks = most_tasks

    def page(self, lane: Lane, look: Look) -> Page:
        """The next page of the look, of no more fresh tasks than there is room for."""
        most = min(self._most_tasks, lane.timetable.room)
        return self._by_keys(lane, look, most) if look.meets_known else self._whole(lane, look, most)

    def _whole(self, lane: Lane, look: Look, most: int) -> Page:
        tasks = self._agenda.due(look.until, look.after, most, lane.pool)
        fresh = [task for task in tasks if not lane.timetable.knows(task.hint)]
        look.meets_known = _are_few(fresh, tasks)
        last = tasks[-1].hint if tasks else None
        return Page(fresh, (last.due_at, last.task_id) if last else None, len(tasks) == most)

    def _by_keys(self, lane: Lane, look: Look, most: int) -> Page:
        keys = self._agenda.keys(look.until, look.after, self._most_keys, lane.pool)
        fresh = [key for key in keys if not lane.timetable.knows(key)]
        look.meets_known = _are_few(fresh, keys)
        chosen, left_out = fresh[:most], len(fresh) > most
        tasks = self._agenda.tasks([key.task_id for key in chosen]) if chosen else []
        last = chosen[-1] if left_out else keys[-1] if keys else None
        more = left_out or len(keys) == self._most_keys
        return Page(tasks, (last.due_at, last.task_id) if last else None, more)


def _are_few(fresh: Sequence[object], met: Sequence[object]) -> bool:
    return 2 * len(fresh) < len(met)
