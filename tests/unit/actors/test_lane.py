"""When a pool is looked at, from where on, and what that look may have missed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from karya.actors.lane import Lane, Look
from karya.actors.timetable import Timetable
from karya.core.hint import Hint, hint_of
from karya.core.ports import DueTask, Gap
from karya.core.times import EPOCH
from tests.support.story import NOW, a_job, at, first_task
from tests.unit.actors.hints import hint

FAR = at(99)


def lane(**state: object) -> Lane:
    made = Lane("gpu", 10, 3)
    for name, value in state.items():
        setattr(made, name, value)
    return made


def test_a_new_one_looks_at_everything_at_once() -> None:
    made = lane()
    assert made.begins_at(NOW) == 0
    assert made.begin(FAR, NOW, 0) == Look(FAR, everything=True)


def test_it_is_looked_at_when_it_is_time_or_has_rested_and_was_poked() -> None:
    made = lane(scan_at=9.0, rested_at=4.0)
    assert made.begins_at(at(2)) == 9
    made.poke(at(5))
    made.poke(at(3))
    made.poke(at(7))
    assert made.begins_at(at(2)) == 9, "the next ordinary look is in time for it"
    assert made.begins_at(at(3)) == 4
    made.begin(FAR, NOW, 0)
    assert made.begins_at(FAR) == 9


def test_news_is_looked_for_from_the_earliest_of_it_on() -> None:
    made = lane(scan_at=9.0, looked_to=at(60))
    made.poke(at(5))
    made.poke(at(3.0009))
    assert made.begin(FAR, NOW, 1) == Look(FAR, (at(3), "")), "instants are stored in milliseconds"
    made.rest(Look(FAR), 2, 20)
    assert made.begin(FAR, NOW, 3) == Look(FAR, (FAR, "")), "the news is read"


def test_where_nobody_has_looked_is_looked_at_with_the_news() -> None:
    made = lane(scan_at=9.0, looked_to=at(1))
    made.poke(at(5))
    assert made.begin(FAR, NOW, 1) == Look(FAR, (at(1), ""))


def test_everything_is_looked_at_when_it_is_time_though_there_is_news() -> None:
    made = lane(scan_at=9.0, looked_to=at(60))
    made.poke(at(5))
    look = made.begin(FAR, NOW, 9)
    assert look == Look(FAR, everything=True)
    assert made.begins_at(FAR) == 9, "and the news with it"


def test_only_a_look_at_everything_puts_off_the_next_one() -> None:
    made = lane(scan_at=9.0)
    made.rest(Look(FAR), 3, 20)
    assert made.begins_at(NOW) == 9
    made.rest(Look(FAR, everything=True), 3, 20)
    assert made.begins_at(NOW) == 20
    made.rest(Look(FAR), 30, 40)
    assert made.begins_at(NOW) == 30, "nothing is read before the rest is over"


def test_a_look_at_everything_meets_again_what_it_knows_and_forgets_what_was_lost() -> None:
    made = lane()
    hint = hint_of(first_task(a_job()))
    made.timetable.add([hint])
    assert made.begin(FAR, NOW, 0).meets_known
    made.timetable.hand_out(FAR, 1, 1)
    assert made.begin(FAR, NOW, 3.9).meets_known
    assert not made.begin(FAR, NOW, 4).meets_known, "nobody has claimed it for three seconds"


def test_news_behind_what_there_was_no_room_for_is_read_with_that() -> None:
    made = lane(scan_at=9.0, rested_at=4.0, looked_to=at(60), unread_after=(at(5), "x"))
    made.poke(at(5))
    assert made.begins_at(FAR) == 9
    made.poke(at(4))
    assert made.begins_at(FAR) == 4


def test_what_nobody_looked_at_in_time_is_a_gap() -> None:
    made = lane(looked_to=NOW)
    made.begin(FAR, at(1), 0)
    assert made.gap is None
    made.begin(FAR, at(1.5), 0)
    assert made.gap == Gap(NOW, at(1.5))
    made.looked_to = at(3)
    made.begin(FAR, at(2), 0)
    assert made.gap == Gap(NOW, at(1.5)), "still to be heeded: not all of it may have been read"


def test_whoever_forgets_begins_anew() -> None:
    made = lane(scan_at=9.0, rested_at=4.0, looked_to=NOW, unread_after=(NOW, "x"))
    made.poke(NOW)
    made.begin(FAR, NOW + timedelta(hours=1), 0)
    made.forget()
    assert (made.begins_at(NOW), made.gap, made.unread_after, made.look) == (0, None, None, None)


def told(made: Lane, *hints: Hint) -> list[str]:
    return [task.hint.task_id for task in made.told(hints)]


def test_what_is_told_of_its_pool_is_as_if_it_had_been_read() -> None:
    made, mine, other = lane(scan_at=9.0, rested_at=4.0), replace(hint("a", 1), pool="gpu"), hint("b", 1)
    assert made.told([mine, other]) == [DueTask(mine, 1, False)]
    assert made.begins_at(FAR) == 9, "nothing has to be looked for"


def test_what_is_told_late_changes_nothing() -> None:
    """What is known of the task in a later state must not give way to an earlier one."""
    made, first, second = lane(), replace(hint("a", 1), pool="gpu"), replace(hint("b", 1), pool="gpu")
    made.timetable.add([replace(first, token=1), second])
    assert told(made, first) == []
    made.timetable.hand_out(at(5), 9, 0)
    assert told(made, first, second) == []


@pytest.mark.parametrize(
    "state", [{"unread_after": (at(0), "z")}, {"timetable": Timetable(0, 3)}, {"look": Look(FAR)}]
)
def test_while_others_are_to_be_read_what_is_told_has_to_be_looked_for(
    state: dict[str, object],
) -> None:
    made = lane(scan_at=9.0, rested_at=4.0, **state)
    assert told(made, replace(hint("a", -1), pool="gpu"), hint("b", -5)) == []
    assert made.begins_at(FAR) == 4
    assert made.begin(FAR, NOW, 1).after == (EPOCH, "")
