"""Whatever is done to a timetable, it answers as a plain list of facts would."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from karya.actors.timetable import Timetable
from karya.core.hint import Hint
from tests.support.story import NOW, at
from tests.unit.actors.hints import hint

CAPACITY, RESEND_AFTER = 2, 3
HINTS = st.builds(hint, st.sampled_from("abc"), st.integers(0, 1), st.integers(0, 1))


@dataclass
class Naive:
    """What waits, in the order of arrival, and what was handed out last of each task, and when."""

    waiting: list[Hint] = field(default_factory=list)
    sent: dict[str, tuple[Hint, int]] = field(default_factory=dict)

    def waits(self, task_id: str) -> Hint | None:
        return next((hint for hint in self.waiting if hint.task_id == task_id), None)

    def is_sent(self, hint: Hint) -> bool:
        return hint.task_id in self.sent and self.sent[hint.task_id][0] == hint

    def knows(self, hint: Hint) -> bool:
        waiting = self.waits(hint.task_id)
        return waiting == hint if waiting else self.is_sent(hint)

    def add(self, hint: Hint) -> None:
        self.waiting = [other for other in self.waiting if other.task_id != hint.task_id] + [hint]

    def put_back(self, hint: Hint) -> None:
        if self.is_sent(hint) and not self.waits(hint.task_id):
            del self.sent[hint.task_id]
            self.add(hint)

    def hand_out(self, until: int, most: int, now: int) -> list[Hint]:
        in_order = sorted(self.waiting, key=lambda hint: hint.due_at)
        due = [hint for hint in in_order if hint.due_at <= at(until)][:most]
        self.waiting = [hint for hint in self.waiting if hint not in due]
        self.sent |= {hint.task_id: (hint, now) for hint in due}
        return due

    def forget(self, now: int) -> None:
        self.sent = {
            key: (hint, when) for key, (hint, when) in self.sent.items() if when + RESEND_AFTER > now
        }


class TimetableMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.real = Timetable(CAPACITY, RESEND_AFTER, lambda hint: hint.due_at)
        self.naive, self.now = Naive(), 0
        self.handed_out: list[Hint] = []

    @rule(new=HINTS)
    def add(self, new: Hint) -> None:
        self.real.add([new])
        self.naive.add(new)

    def put_back(self, hints: list[Hint]) -> None:
        self.real.put_back(hints)
        for back in hints:
            self.naive.put_back(back)

    @rule(strange=HINTS)
    def strange_comes_back(self, strange: Hint) -> None:
        self.put_back([strange])

    @rule(until=st.integers(0, 1), most=st.integers(0, 3))
    def hand_out(self, until: int, most: int) -> None:
        due = self.real.hand_out(at(until), most, self.now)
        assert due == self.naive.hand_out(until, most, self.now)
        self.handed_out += due

    @precondition(lambda self: self.handed_out)
    @rule(ago=st.integers(1, 4))
    def comes_back(self, ago: int) -> None:
        self.put_back(self.handed_out[-ago:][:1])

    @rule(seconds=st.integers(0, 2))
    def forget(self, seconds: int) -> None:
        self.now += seconds
        self.real.forget(self.now)
        self.naive.forget(self.now)

    @rule()
    def clear(self) -> None:
        self.real.clear()
        self.naive = Naive()

    @rule(asked=HINTS)
    def knows(self, asked: Hint) -> None:
        assert self.real.knows(asked) == self.naive.knows(asked)

    @invariant()
    def the_same_waits(self) -> None:
        assert len(self.real) == len(self.naive.waiting)
        assert self.real.room == max(0, CAPACITY - len(self.naive.waiting))
        earliest = min((hint.due_at for hint in self.naive.waiting), default=None)
        assert self.real.next_moment() == earliest
        assert earliest is None or earliest >= NOW


TimetableMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestTimetable = TimetableMachine.TestCase
