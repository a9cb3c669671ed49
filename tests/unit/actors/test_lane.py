"""When a pool is looked at, and what that look may have missed."""

from datetime import timedelta

from karya.actors.lane import Lane
from karya.core.ports import Gap
from tests.support.story import NOW, at


def lane(**state: object) -> Lane:
    made = Lane("gpu", 10, 3)
    for name, value in state.items():
        setattr(made, name, value)
    return made


def test_a_new_one_is_looked_at_at_once() -> None:
    assert lane().begins_at(NOW) == 0


def test_it_is_looked_at_when_it_is_time_or_has_rested_and_was_poked() -> None:
    made = lane(scan_at=9.0, rested_at=4.0)
    assert made.begins_at(at(2)) == 9
    made.poke(at(5))
    made.poke(at(3))
    made.poke(at(7))
    assert made.begins_at(at(2)) == 9, "the next ordinary look is in time for it"
    assert made.begins_at(at(3)) == 4
    made.begin(NOW, 0)
    assert made.begins_at(at(99)) == 9


def test_what_nobody_looked_at_in_time_is_a_gap() -> None:
    made = lane(looked_to=NOW)
    made.begin(at(1), 0)
    assert made.gap is None
    made.begin(at(1.5), 0)
    assert made.gap == Gap(NOW, at(1.5))
    made.looked_to = at(3)
    made.begin(at(2), 0)
    assert made.gap == Gap(NOW, at(1.5)), "still to be heeded: not all of it may have been read"


def test_whoever_forgets_begins_anew() -> None:
    made = lane(scan_at=9.0, rested_at=4.0, looked_to=NOW, unread_after=(NOW, "x"))
    made.poke(NOW)
    made.begin(NOW + timedelta(hours=1), 0)
    made.forget()
    assert (made.begins_at(NOW), made.gap, made.unread_after, made.look) == (0, None, None, None)
