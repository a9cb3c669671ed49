"""Nothing that another thread tells the scheduler is lost, and each of it wakes it."""

import threading
import time
from collections.abc import Callable

import pytest

from karya.actors import inbox as inbox_module
from karya.actors.inbox import Inbox
from tests.support.story import NOW, at
from tests.unit.actors.hints import hint, names

FOR_EVER = 30.0


def slept(inbox: Inbox, seconds: float = FOR_EVER) -> float:
    started = time.monotonic()
    inbox.wait(seconds)
    return time.monotonic() - started


TELL: dict[str, Callable[[Inbox], None]] = {
    "poke": lambda inbox: inbox.poke(NOW),
    "tell": lambda inbox: inbox.poke(None, [hint("a")]),
    "wake": lambda inbox: inbox.wake(),
    "put back": lambda inbox: inbox.put_back([hint("a")]),
    "stop": lambda inbox: inbox.stop(),
}


@pytest.mark.parametrize("tell", TELL.values(), ids=TELL.keys())
def test_everything_wakes_whoever_sleeps(tell: Callable[[Inbox], None]) -> None:
    inbox = Inbox()
    teller = threading.Timer(0.02, tell, [inbox])
    teller.start()
    assert slept(inbox) < FOR_EVER / 2
    teller.join()


@pytest.mark.parametrize("tell", TELL.values(), ids=TELL.keys())
def test_what_was_told_before_the_wait_ends_it_at_once_but_only_once(tell: Callable[[Inbox], None]) -> None:
    inbox = Inbox()
    tell(inbox)
    assert slept(inbox) < FOR_EVER / 2
    assert slept(inbox, 0.03) >= 0.03


def test_the_earliest_poke_is_taken_once() -> None:
    inbox = Inbox()
    assert inbox.take_poke() is None
    for seconds in (5, 2, 9):
        inbox.poke(at(seconds))
    assert inbox.take_poke() == at(2)
    assert inbox.take_poke() is None
    inbox.poke(at(9))
    assert inbox.take_poke() == at(9)


def test_what_is_told_is_taken_once_and_is_no_poke() -> None:
    inbox = Inbox()
    inbox.poke(None, [hint("a"), hint("b")])
    inbox.poke(at(3), [hint("c")])
    assert names(inbox.take_told()) == ["a", "b", "c"]
    assert (inbox.take_told(), inbox.take_poke()) == ([], at(3))


def test_what_is_told_while_nobody_listens_is_to_be_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "MOST_TOLD", 2)
    inbox = Inbox()
    inbox.poke(None, [hint("a", 7)])
    inbox.poke(at(9), [hint("b", 5), hint("c", 6)])
    inbox.poke(None, [hint("d", 8)])
    assert names(inbox.take_told()) == ["a", "d"]
    assert inbox.take_poke() == at(5)


def test_what_came_back_is_taken_once() -> None:
    inbox = Inbox()
    inbox.put_back([hint("a"), hint("b")])
    inbox.put_back([hint("c")])
    assert names(inbox.take_returned()) == ["a", "b", "c"]
    assert inbox.take_returned() == []


def test_it_stays_stopped() -> None:
    inbox = Inbox()
    assert not inbox.stopped
    inbox.stop()
    inbox.wait(0)
    assert inbox.stopped


def test_many_threads_lose_nothing() -> None:
    inbox = Inbox()
    taken: list[str] = []

    def tell(number: int) -> None:
        for n in range(200):
            inbox.put_back([hint(f"{number}/{n}")])
            inbox.poke(at(number * 1000 + n))

    tellers = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
    for teller in tellers:
        teller.start()
    deadline = time.monotonic() + 60
    while len(taken) < 800 and time.monotonic() < deadline:
        inbox.wait(1)
        taken += names(inbox.take_returned())
    for teller in tellers:
        teller.join()
    assert sorted(taken) == sorted(f"{number}/{n}" for number in range(4) for n in range(200))
    assert inbox.take_poke() == NOW
