"""The timetable hands each state of a task out once, in the order of the instants."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from karya.actors.timetable import Timetable, early
from karya.core.hint import Hint
from karya.core.task import CLAIM_AHEAD, CLOCKS_AGREE
from tests.support.story import NOW, at
from tests.unit.actors.hints import hint, names


def due(hint: Hint) -> datetime:
    return hint.due_at


def table(*hints: tuple[str, float], capacity: int = 100, resend_after: float = 3) -> Timetable:
    made = Timetable(capacity, resend_after, due)
    made.add(hint(name, due) for name, due in hints)
    return made


def test_it_counts_what_is_due() -> None:
    made = Timetable(9, 10, due)
    made.add([hint("a", 1), hint("b", 2), hint("b", 5, token=1), hint("c", 3)])
    assert [made.count(at(second)) for second in (0, 1, 3, 5)] == [0, 1, 2, 3]
    made.hand_out(at(1), 9, 0)
    assert made.count(at(5)) == 2


def test_the_earliest_first_and_in_the_order_of_arrival_at_the_same_instant() -> None:
    made = table(("late", 9), ("b", 1), ("a", 1), ("first", 0.5))
    assert made.next_moment() == at(0.5)
    assert names(made.hand_out(at(1), 9, 0)) == ["first", "b", "a"]
    assert made.next_moment() == at(9)
    assert names(made.hand_out(at(8.999), 9, 0)) == []
    assert names(made.hand_out(at(9), 9, 0)) == ["late"]
    assert made.next_moment() is None


def test_no_more_than_asked_for() -> None:
    made = table(("a", 0), ("b", 1), ("c", 2))
    assert names(made.hand_out(at(9), 2, 0)) == ["a", "b"]
    assert len(made) == 1


def test_room_is_what_the_capacity_leaves() -> None:
    made = table(("a", 0), ("b", 1), capacity=3)
    assert made.room == 1
    made.add([hint("c"), hint("d")])
    assert made.room == 0
    made.hand_out(NOW, 9, 0)
    assert made.room == 2


def test_a_later_state_replaces_an_earlier_one() -> None:
    made = table(("a", 1))
    assert made.knows(hint("a", 1))
    assert not made.knows(hint("a", 1, token=1))
    assert not made.knows(hint("a", 2))
    made.add([hint("a", 5, token=1)])
    assert (len(made), made.next_moment()) == (1, at(5))
    assert made.hand_out(at(4), 9, 0) == []
    assert made.hand_out(at(5), 9, 0) == [hint("a", 5, token=1)]


def test_what_was_handed_out_is_known_for_a_while() -> None:
    made = table(("a", 0), resend_after=3)
    made.hand_out(NOW, 9, 10)
    made.forget(12.9)
    assert made.knows(hint("a"))
    assert not made.knows(hint("a", 7)), "a retry of it is new"
    made.forget(13)
    assert not made.knows(hint("a"))


def test_a_state_that_waits_hides_the_one_that_was_handed_out() -> None:
    made = table(("a", 0))
    made.hand_out(NOW, 9, 0)
    made.add([hint("a", 5, token=1)])
    assert made.knows(hint("a", 5, token=1))
    assert not made.knows(hint("a"))


def test_what_comes_back_is_handed_out_again() -> None:
    made = table(("a", 0))
    made.put_back(made.hand_out(NOW, 9, 0))
    assert made.knows(hint("a"))
    assert names(made.hand_out(NOW, 9, 0)) == ["a"]


def test_only_what_was_handed_out_can_come_back() -> None:
    made = table()
    made.put_back([hint("a")])
    assert len(made) == 0


def test_a_stale_hint_that_comes_back_changes_nothing() -> None:
    made = table(("a", 0))
    (stale,) = made.hand_out(NOW, 9, 0)
    made.add([hint("a", 1, token=1)])
    made.hand_out(at(1), 9, 1)
    made.put_back([stale])
    assert len(made) == 0
    assert made.knows(hint("a", 1, token=1)), "handed out a moment ago"


def test_a_stale_hint_that_comes_back_does_not_replace_what_waits() -> None:
    made = table(("a", 0))
    (stale,) = made.hand_out(NOW, 9, 0)
    made.add([hint("a", 1, token=1)])
    made.put_back([stale])
    assert made.hand_out(at(1), 9, 1) == [hint("a", 1, token=1)]


def test_what_was_handed_out_twice_is_known_from_the_second_time_on() -> None:
    made = table(("a", 0), resend_after=3)
    made.put_back(made.hand_out(NOW, 9, 0))
    made.hand_out(NOW, 9, 2)
    made.forget(3)
    assert made.knows(hint("a"))
    made.forget(5)
    assert not made.knows(hint("a"))


def test_what_was_not_passed_on_is_as_if_never_seen() -> None:
    made = table(("a", 0), ("b", 0))
    made.take_back([*made.hand_out(NOW, 1, 0), hint("b"), hint("unknown")])
    assert not made.knows(hint("a"))
    assert made.knows(hint("b"))
    assert names(made.hand_out(NOW, 9, 0)) == ["b"]
    made.add([hint("a")])
    assert names(made.hand_out(NOW, 9, 0)) == ["a"]


def test_clear_forgets_everything() -> None:
    made = table(("a", 0), ("b", 0), capacity=2)
    sent = made.hand_out(NOW, 1, 0)
    made.clear()
    assert (len(made), made.room, made.next_moment()) == (0, 2, None)
    assert not made.knows(hint("a"))
    made.put_back(sent)
    assert len(made) == 0


@pytest.mark.parametrize("millis", [0, 1, 19, 20, 999])
def test_hints_go_out_before_their_instant_by_less_than_what_a_claim_allows(millis: int) -> None:
    ahead = at(millis / 1000) - early(hint("a", millis / 1000))
    assert timedelta(milliseconds=80) <= ahead <= CLAIM_AHEAD - CLOCKS_AGREE


def test_those_of_the_same_twenty_milliseconds_go_together() -> None:
    made = Timetable(9, 10)
    made.add([hint("a", 1.000), hint("b", 1.019), hint("c", 1.020)])
    assert made.next_moment() == at(0.92)
    assert names(made.hand_out(at(0.92), 9, 0)) == ["a", "b"]
    assert made.next_moment() == at(0.94)


def test_what_needs_the_slot_of_its_job_goes_at_its_instant() -> None:
    slotted = replace(hint("a", 1.005), slotted=True)
    assert early(slotted) == slotted.due_at


def test_when_there_is_no_room_for_all_users_have_turns() -> None:
    made = Timetable(100, 3, due)
    made.add([hint(f"a{number}", 0, user="ann") for number in range(9)])
    made.add([hint("b0", 1, user="bob"), hint("b1", 2, user="bob"), hint("c0", 3)])
    assert names(made.hand_out(at(3), 4, 0)) == ["a0", "b0", "c0", "a1"]
    assert names(made.hand_out(at(3), 4, 0)) == ["b1", "a2", "a3", "a4"]
    made.add([hint("d0", 4, user="dan")])
    assert "d0" in names(made.hand_out(at(4), 2, 0)), "the moment that it is due, whatever has waited longer"


def test_turns_go_by_the_weights_of_the_users() -> None:
    made = Timetable(100, 3, due)
    made.weights = {"ann": 3}
    made.add([hint(f"a{number}", 0, user="ann") for number in range(20)])
    made.add([hint(f"b{number}", 0, user="bob") for number in range(20)])
    handed = names(made.hand_out(at(0), 16, 0))
    assert [sum(name[0] == user for name in handed) for user in "ab"] == [12, 4]


def test_of_one_user_the_urgent_go_first_but_not_before_their_moment() -> None:
    made = Timetable(100, 3, due)
    made.add([hint("low", 0, priority=0), hint("usual", 1), hint("high", 2, priority=9)])
    made.add([hint("later", 9, priority=9)])
    assert names(made.hand_out(at(0), 0, 0)) == []
    assert made.next_moment() == at(0)
    assert names(made.hand_out(at(2), 2, 0)) == ["high", "usual"]
    assert names(made.hand_out(at(2), 9, 0)) == ["low"]
    assert made.next_moment() == at(9)


def test_a_later_state_of_what_has_its_turn_replaces_it() -> None:
    made = Timetable(100, 3, due)
    made.add([hint("a", 0, user="ann"), hint("b", 0, user="bob")])
    made.hand_out(at(0), 0, 0)
    made.add([hint("a", 5, token=1, user="ann")])
    assert names(made.hand_out(at(1), 9, 0)) == ["b"]
    assert made.next_moment() == at(5)
    assert made.hand_out(at(5), 9, 0) == [hint("a", 5, token=1, user="ann")]


def test_for_those_who_are_hidden_by_a_crowd_it_has_as_much_room_again() -> None:
    made = table(("a", 0), ("b", 1), capacity=2)
    assert (made.room, made.spare) == (0, 2)
    made.add([hint("c"), hint("d"), hint("e")])
    assert (made.room, made.spare) == (0, 0)
