"""Turns among users are as many as their weights say, whoever came first."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from karya.actors.turns import Turns


def turns(weights: dict[str, int]) -> Turns:
    return Turns(lambda user: weights.get(user, 1))


def take(made: Turns, count: int) -> list[str]:
    taken = []
    for _ in range(count):
        taken.append(made.next())
        made.take()
    return taken


def test_users_take_turns() -> None:
    made = turns({})
    for user in "abcb":
        made.enter(user)
    assert len(made) == 3
    assert take(made, 7) == list("abcabca")


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5), min_size=1), st.integers(1, 10))
def test_each_has_what_its_weight_says(weights: dict[str, int], rounds: int) -> None:
    made = turns(weights)
    for user in weights:
        made.enter(user)
    taken = Counter(take(made, rounds * sum(weights.values())))
    for user, weight in weights.items():
        assert abs(taken[user] - rounds * weight) <= 1


def test_who_comes_late_has_the_next_turn_and_no_more_than_that() -> None:
    made = turns({})
    made.enter("a")
    take(made, 1_000)
    made.enter("b")
    assert take(made, 4).count("b") == 2


def test_who_has_left_comes_back_as_one_who_is_new() -> None:
    made = turns({})
    for user in "ab":
        made.enter(user)
    assert made.next() == "a"
    made.leave()
    assert take(made, 500) == ["b"] * 500
    made.enter("a")
    assert take(made, 4).count("a") == 2


def test_nobody_is_there_after_it_was_cleared() -> None:
    made = turns({})
    made.enter("a")
    made.clear()
    assert len(made) == 0
    made.enter("a")
    assert take(made, 1) == ["a"]
