"""What the scheduler holds in memory: tasks in the order in which they go out, each handed out once."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from karya.actors.turns import Turns
from karya.core.hint import Hint
from karya.core.ports import DueKey

_AHEAD = timedelta(milliseconds=80)
_TOGETHER_MICROSECONDS = 20_000


def early(hint: Hint) -> datetime:
    """When a hint goes out: 80 to 100 ms before its instant, CLAIM_AHEAD less what clocks may differ by, so
    that its worker has claimed it by then; those of the same 20 ms go together, since a claim of many costs
    hardly more than one.
    A task that needs the slot of its job, or room within limits, is not early: whether it gets that is
    decided at its instant."""
    if hint.slotted or hint.limits is not None:
        return hint.due_at
    return hint.due_at - _AHEAD - timedelta(microseconds=hint.due_at.microsecond % _TOGETHER_MICROSECONDS)


_Version = tuple[int, datetime]
_Sent = tuple[float, _Version]
"""When (monotonic seconds) a task was handed out last, and in what state."""

_Due = tuple[int, datetime, int, Hint]
"""Priority (the highest is the least number), moment and order of arrival of one whose moment has come."""


class Timetable:
    """A bounded heap of hints by the moment at which they go out, and a memory of what was handed out.

    When more are due than can be handed out, users have turns by their weights; what one user has goes by
    priority and then by moment.

    A hint that was handed out is remembered for `resend_after` seconds, so that reading the task again
    meanwhile does not hand it out twice. If it can still be read as READY afterwards, nobody claimed it,
    and it goes again.
    """

    def __init__(
        self, capacity: int, resend_after: float, moment: Callable[[Hint], datetime] = early
    ) -> None:
        """`moment` tells when a hint goes out."""
        self._capacity = capacity
        self._resend_after = resend_after
        self._moment = moment
        self.weights: Mapping[str, int] = {}
        """The weights of users, where they are not 1."""
        self._waiting: dict[str, Hint] = {}
        self._heap: list[tuple[datetime, int, Hint]] = []
        self._due: dict[str, list[_Due]] = {}
        self._turns = Turns(lambda user: self.weights.get(user, 1))
        self._sent: dict[str, _Sent] = {}
        self._sent_order: deque[tuple[str, _Sent]] = deque()
        self._order = 0

    def __len__(self) -> int:
        """How many tasks wait for their instant or for a worker."""
        return len(self._waiting)

    def count(self, until: datetime) -> int:
        """How many of them are due by then. From any thread."""
        return sum(hint.due_at <= until for hint in list(self._waiting.values()))

    @property
    def is_blank(self) -> bool:
        """Whether it knows nothing."""
        return not self._waiting and not self._sent

    @property
    def room(self) -> int:
        """How many more tasks it holds."""
        return max(0, self._capacity - len(self._waiting))

    @property
    def spare(self) -> int:
        """How many more it holds of those who would be hidden by a crowd."""
        return max(0, 2 * self._capacity - len(self._waiting))

    def knows(self, hint: Hint | DueKey) -> bool:
        """Whether this very state of the task waits here, or was handed out a short while ago."""
        waiting = self._waiting.get(hint.task_id)
        if waiting is not None:
            return _version(waiting) == _version(hint)
        return self._is_sent(hint)

    def has_met(self, task_id: str) -> bool:
        """Whether the task in any state waits here, or was handed out a short while ago."""
        return task_id in self._waiting or task_id in self._sent

    def add(self, hints: Iterable[Hint]) -> None:
        """Takes hints in; an earlier state of the same task gives way."""
        for hint in hints:
            self._waiting[hint.task_id] = hint
            self._order += 1
            heapq.heappush(self._heap, (self._moment(hint), self._order, hint))

    def put_back(self, hints: Iterable[Hint]) -> None:
        """Takes back hints that were handed out to somebody who is gone, unless they are out of date."""
        for hint in hints:
            if hint.task_id not in self._waiting and self._is_sent(hint):
                del self._sent[hint.task_id]
                self.add([hint])

    def take_back(self, hints: Iterable[Hint]) -> None:
        """These were handed out, but not passed on: reading them again hands them out again."""
        for hint in hints:
            if self._is_sent(hint):
                del self._sent[hint.task_id]

    def next_moment(self) -> datetime | None:
        """When the next one goes out."""
        while self._heap and not self._is_current(self._heap[0][-1]):
            heapq.heappop(self._heap)
        first_due = self._first_due()
        moments = [self._heap[0][0]] if self._heap else []
        return min([*moments, first_due[1]] if first_due else moments, default=None)

    def hand_out(self, until: datetime, most: int, monotonic: float) -> list[Hint]:
        """Hands out those whose moment has come by then, as many as that, in turns."""
        self._line_up(until)
        due: list[Hint] = []
        while len(due) < most and (first := self._first_due()) is not None:
            if first[1] > until:
                break  # it was lined up by a clock that has been set back since
            hint = first[-1]
            heapq.heappop(self._due[_user(hint)])
            self._turns.take()
            del self._waiting[hint.task_id]
            self._sent[hint.task_id] = sent = (monotonic, _version(hint))
            self._sent_order.append((hint.task_id, sent))
            due.append(hint)
        return due

    def _line_up(self, until: datetime) -> None:
        while self._heap and self._heap[0][0] <= until:
            moment, order, hint = heapq.heappop(self._heap)
            if self._is_current(hint):
                user = _user(hint)
                heapq.heappush(self._due.setdefault(user, []), (-hint.priority, moment, order, hint))
                self._turns.enter(user)

    def _first_due(self) -> _Due | None:
        """The next one in turn of those whose moment has come."""
        while len(self._turns):
            user = self._turns.next()
            queue = self._due[user]
            while queue and not self._is_current(queue[0][-1]):
                heapq.heappop(queue)
            if queue:
                return queue[0]
            del self._due[user]
            self._turns.leave()
        return None

    def _is_current(self, hint: Hint) -> bool:
        """Whether it still waits, and in this state."""
        return self._waiting.get(hint.task_id) is hint

    def forget(self, monotonic: float) -> None:
        """Forgets what was handed out longer than `resend_after` ago."""
        while self._sent_order and self._sent_order[0][1][0] + self._resend_after <= monotonic:
            task_id, sent = self._sent_order.popleft()
            if self._sent.get(task_id) is sent:
                del self._sent[task_id]

    def clear(self) -> None:
        """Forgets everything."""
        self._waiting.clear()
        self._heap.clear()
        self._due.clear()
        self._turns.clear()
        self._sent.clear()
        self._sent_order.clear()

    def _is_sent(self, hint: Hint | DueKey) -> bool:
        sent = self._sent.get(hint.task_id)
        return sent is not None and sent[1] == _version(hint)


def _version(hint: Hint | DueKey) -> _Version:
    return hint.token, hint.due_at


def _user(hint: Hint) -> str:
    return hint.user_id or ""
