"""When a pool grows, and when it shrinks."""

from dataclasses import dataclass, field

import pytest

from karya.actors.cluster.sizing import GROW_AFTER_SECONDS, PoolSize
from karya.core.ports import PoolLoad
from karya.core.settings import PoolSettings

SLOTS = 10
QUIET = 60.0


@dataclass
class Pool:
    """A pool whose newcomers are connected at once, looked at once a second."""

    count: int = 1
    max_count: int = 8
    present: int = 1
    now: float = 1000.0
    size: PoolSize = field(init=False)

    def __post_init__(self) -> None:
        self.size = PoolSize(PoolSettings(count=self.count, max_count=self.max_count), SLOTS, QUIET)

    def look(self, waiting: int, running: int, connected: int | None = None) -> int:
        workers = self.present if connected is None else connected
        free = max(0, workers * SLOTS - running)
        wanted = self.size.wanted(self.present, PoolLoad(workers, free, running, waiting), self.now)
        if wanted != self.present:
            self.present = wanted
            self.size.resized()
        self.now += 1
        return wanted

    def looks(self, seconds: float, waiting: int, running: int) -> int:
        for _ in range(int(seconds)):
            self.look(waiting, running)
        return self.present


def test_it_grows_when_tasks_have_waited_for_a_slot() -> None:
    pool = Pool()
    assert pool.looks(GROW_AFTER_SECONDS, waiting=5, running=10) == 1
    assert pool.look(waiting=5, running=10) == 2


def test_a_moment_of_waiting_changes_nothing() -> None:
    pool = Pool()
    for _ in range(10):
        pool.looks(GROW_AFTER_SECONDS, waiting=5, running=10)
        assert pool.look(waiting=0, running=10) == 1


def test_tasks_that_wait_although_there_is_room_change_nothing() -> None:
    assert Pool().looks(20, waiting=5, running=9) == 1


def test_it_grows_by_as_many_as_are_needed_at_most_to_twice_its_size() -> None:
    few, many = Pool(present=4, max_count=100), Pool(present=4, max_count=100)
    few.looks(3, waiting=11, running=40)
    many.looks(3, waiting=5_000, running=40)
    assert (few.present, many.present) == (6, 8)


def test_it_never_leaves_its_bounds() -> None:
    pool = Pool(present=1, max_count=3)
    assert pool.looks(60, waiting=5_000, running=30) == 3
    assert Pool(count=2, present=1).look(waiting=0, running=0) == 2
    assert Pool(max_count=3, present=5).look(waiting=0, running=0) == 3


def test_it_waits_for_the_newcomers_before_it_grows_again() -> None:
    pool = Pool()
    pool.looks(3, waiting=100, running=10)
    assert pool.present == 2
    for _ in range(20):
        assert pool.look(waiting=100, running=10, connected=1) == 2
    assert pool.look(waiting=100, running=20, connected=2) == 4


def test_an_empty_pool_does_not_wait_to_grow() -> None:
    assert Pool(count=0, present=0).look(waiting=1, running=0) == 1


def test_it_shrinks_to_what_would_have_sufficed_all_the_time() -> None:
    pool = Pool(present=8)
    assert pool.looks(QUIET, waiting=0, running=15) == 8
    assert pool.look(waiting=0, running=15) == 2
    pool = Pool(present=8)
    pool.look(waiting=0, running=40)
    assert pool.looks(QUIET, waiting=0, running=0) == 5


def test_one_busy_moment_keeps_it_for_another_while() -> None:
    pool = Pool(present=4)
    for _ in range(5):
        assert pool.looks(QUIET - 2, waiting=0, running=0) == 4
        pool.look(waiting=0, running=39)
    assert pool.looks(QUIET + 1, waiting=0, running=0) == 1


@pytest.mark.parametrize("running", [1, 7, 8, 9, 15, 16, 17, 40])
def test_what_it_shrinks_to_has_room_to_spare(running: int) -> None:
    pool = Pool(present=8, count=0)
    pool.looks(QUIET + 1, waiting=0, running=running)
    assert pool.present * SLOTS > running
    assert pool.looks(30, waiting=0, running=running) == pool.present


def test_an_idle_pool_of_none_shrinks_to_none() -> None:
    assert Pool(count=0, present=2).looks(QUIET + 1, waiting=0, running=0) == 0
