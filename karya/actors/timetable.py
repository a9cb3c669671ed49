"""What the scheduler holds in memory: tasks in the order in which they go out, each handed out once."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from karya.core.hint import Hint
from karya.core.ports import DueKey

_AHEAD = timedelta(milliseconds=40)
_TOGETHER_MICROSECONDS = 10_000


def early(hint: Hint) -> datetime:
    """When a hint goes out: 40 to 50 ms before its instant, half of CLAIM_AHEAD, so that its worker has
    claimed it by then; those of the same 10 ms go together, since a claim of many costs hardly more than one.
    A task that needs the slot of its job is not early: whether it gets it is decided at its instant."""
    if hint.slotted:
        return hint.due_at
    return hint.due_at - _AHEAD - timedelta(microseconds=hint.due_at.microsecond % _TOGETHER_MICROSECONDS)


_Version = tuple[int, datetime]
_Sent = tuple[float, _Version]
"""When (monotonic seconds) a task was handed out last, and in what state."""


class Timetable:
    """A bounded heap of hints by the moment at which they go out, and a memory of what was handed out.

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
        self._waiting: dict[str, Hint] = {}
        self._heap: list[tuple[datetime, int, Hint]] = []
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

    def knows(self, hint: Hint | DueKey) -> bool:
        """Whether this very state of the task waits here, or was handed out a short while ago."""
        waiting = self._waiting.get(hint.task_id)
        if waiting is not None:
            return _version(waiting) == _version(hint)
        return self._is_sent(hint)

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
        while self._heap and self._waiting.get(self._heap[0][2].task_id) is not self._heap[0][2]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def hand_out(self, until: datetime, most: int, monotonic: float) -> list[Hint]:
        """Hands out those whose moment has come by then, the earliest first."""
        due: list[Hint] = []
        while len(due) < most and (earliest := self.next_moment()) is not None and earliest <= until:
            hint = heapq.heappop(self._heap)[2]
            del self._waiting[hint.task_id]
            self._sent[hint.task_id] = sent = (monotonic, _version(hint))
            self._sent_order.append((hint.task_id, sent))
            due.append(hint)
        return due

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
        self._sent.clear()
        self._sent_order.clear()

    def _is_sent(self, hint: Hint | DueKey) -> bool:
        sent = self._sent.get(hint.task_id)
        return sent is not None and sent[1] == _version(hint)


def _version(hint: Hint | DueKey) -> _Version:
    return hint.token, hint.due_at
