"""When an actor counts as hung."""

from concurrent.futures import Future

from karya.actors.cluster.seat import Pulse, Seat, Sign

PATIENCE = 5.0


class Mute:
    """Asked for its pulse, it says nothing, until `answer`."""

    def __init__(self) -> None:
        self.state = "PENDING_CREATION"
        self._question: Future[Pulse] = Future()

    @property
    def pulse(self) -> "Mute":
        return self

    ready = pulse

    def remote(self) -> "Mute":
        return self

    def future(self) -> "Future[Pulse]":
        return self._question

    def answer(self) -> None:
        answered, self._question = self._question, Future()
        answered.set_result(Pulse("first", "here", False))


def looks(seat: Seat, seconds: float) -> list[Sign]:
    """One look a second."""
    return [seat.look(1.0, PATIENCE) for _ in range(int(seconds))]


def test_the_silence_of_a_start_is_not_held_against_one_that_has_just_come_to_life() -> None:
    actor = Mute()
    seat = Seat(actor, state=lambda _: actor.state)
    assert set(looks(seat, 5)) == {Sign.STARTING}
    actor.state = "ALIVE"
    assert set(looks(seat, 6)) == {Sign.STARTING}
    assert looks(seat, 6)[-1] is Sign.HUNG


def test_one_that_has_answered_and_falls_silent_hangs() -> None:
    actor = Mute()
    actor.state = "ALIVE"
    seat = Seat(actor, state=lambda _: actor.state)
    looks(seat, 1)
    actor.answer()
    assert set(looks(seat, 6)) == {Sign.UP}
    assert looks(seat, 1) == [Sign.HUNG]
