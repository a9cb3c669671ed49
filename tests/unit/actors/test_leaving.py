"""When an actor that was asked to close may be killed."""

from concurrent.futures import Future

from ray.exceptions import ActorUnavailableError

from karya.actors.cluster.leaving import CLOSE, Leaving

UNTIL = 10.0


class Closing:
    """Asked to close, it says nothing until it is told what; counts the questions."""

    def __init__(self) -> None:
        self.state = "ALIVE"
        self.asked = 0
        self._question: Future[None] = Future()

    @property
    def close(self) -> "Closing":
        return self

    def remote(self) -> "Closing":
        self.asked += 1
        return self

    def future(self) -> "Future[None]":
        return self._question

    def ends(self, error: Exception | None = None) -> None:
        answered, self._question = self._question, Future()
        if error is None:
            answered.set_result(None)
        else:
            answered.set_exception(error)

    def dies(self) -> None:
        self.ends(ActorUnavailableError("the process has ended", b"x" * 16))


def left(actor: Closing) -> Leaving:
    return Leaving(actor, CLOSE, UNTIL, state=lambda _: actor.state)


def test_it_is_waited_for_until_it_has_closed() -> None:
    actor = Closing()
    leaving = left(actor)
    assert not leaving.is_over(1)
    actor.ends()
    assert leaving.is_over(2)
    assert leaving.drained


def test_it_is_not_waited_for_too_long() -> None:
    leaving = left(Closing())
    assert not leaving.is_over(UNTIL)
    assert leaving.is_over(UNTIL + 1)
    assert not leaving.drained


def test_one_that_ray_starts_again_meanwhile_is_closed_before_it_is_killed() -> None:
    """SIGTERM and the supervisor at the same time: what ran in the new process was lost."""
    actor = Closing()
    leaving = left(actor)
    actor.dies()
    assert not leaving.is_over(1)
    assert actor.asked == 2
    assert not leaving.is_over(2)
    actor.ends()
    assert leaving.is_over(3)
    assert leaving.drained


def test_one_that_is_dead_for_good_is_not_asked_again() -> None:
    actor = Closing()
    leaving = left(actor)
    actor.dies()
    actor.state = "DEAD"
    assert leaving.is_over(1)
    assert actor.asked == 1
    assert not leaving.drained


def test_one_that_cannot_close_is_killed() -> None:
    actor = Closing()
    leaving = left(actor)
    actor.ends(RuntimeError("the store is away"))
    assert leaving.is_over(1)
    assert not leaving.drained
