"""How often Ray's head is asked, and when it is given up."""

from types import SimpleNamespace
from typing import Any

import pytest

from karya.actors.cluster import ray_watch
from karya.actors.cluster.ray_runtime import HeadAway
from karya.actors.cluster.ray_watch import RayWatch

CHARTER: Any = SimpleNamespace()


class Head:
    """Counts its questions, and answers them while it is there."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    def is_alive(self, _: str) -> bool:
        self.asked += 1
        if self.away:
            raise HeadAway("no answer")
        return True


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> Head:
    head = Head()
    monkeypatch.setattr(ray_watch, "is_alive", head.is_alive)
    monkeypatch.setattr(ray_watch, "declared", lambda _: CHARTER)
    monkeypatch.setattr(ray_watch, "this_node", lambda: "here")
    monkeypatch.setattr(ray_watch, "has_lost_processes", lambda: False)
    return head


def test_a_head_that_answers_is_asked_every_two_seconds(head: Head) -> None:
    watch = RayWatch("karya", CHARTER)
    assert {watch.look(0.5) for _ in range(40)} == {None}
    assert head.asked == 10
    assert not watch.is_silent


def test_a_head_that_does_not_answer_is_asked_at_every_look_and_lost_after_twenty_seconds(head: Head) -> None:
    watch = RayWatch("karya", CHARTER)
    head.away = True
    looks = [watch.look(0.5) for _ in range(41)]
    assert looks[:40] == [None] * 40
    assert looks[40] == "its head has not answered for 20 s"
    assert head.asked == 38
    assert watch.is_silent


def test_one_that_answers_again_is_silent_no_more(head: Head) -> None:
    watch = RayWatch("karya", CHARTER)
    head.away = True
    for _ in range(20):
        watch.look(0.5)
    head.away = False
    assert watch.look(0.5) is None
    assert not watch.is_silent


def test_a_process_that_died_is_seen_at_every_look(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = RayWatch("karya", CHARTER)
    assert watch.look(0.1) is None
    monkeypatch.setattr(ray_watch, "has_lost_processes", lambda: True)
    assert watch.look(0.1) == "its head or its raylet has died"
    assert head.asked == 0
