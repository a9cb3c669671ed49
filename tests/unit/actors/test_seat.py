"""When an actor counts as hung."""

from concurrent.futures import Future

from ray.exceptions import ActorDiedError

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
        answered.set_result(Pulse("first", "here", 1, False))


def looks(seat: Seat, seconds: float) -> list[Sign]:
    """One look a second."""
    return [seat.look(1.0, PATIENCE) for _ in range(int(seconds))]


def test_the_silence_of_a_start_is_not_held_against_one_that_has_just_come_to_life() -> None:
    actor = Mute()
    seat = Seat(actor, life=lambda _: (actor.state, 1))
    assert set(looks(seat, 5)) == {Sign.STARTING}
    actor.state = "ALIVE"
    assert set(looks(seat, 6)) == {Sign.STARTING}
    assert looks(seat, 6)[-1] is Sign.HUNG


def test_one_that_has_answered_and_falls_silent_hangs() -> None:
    actor = Mute()
    actor.state = "ALIVE"
    seat = Seat(actor, life=lambda _: (actor.state, 1))
    looks(seat, 1)
    actor.answer()
    assert set(looks(seat, 6)) == {Sign.UP}
    assert looks(seat, 1) == [Sign.HUNG]


class Reborn:
    """Its process has died with the first question, which nobody will ever answer; the next one answers."""

    def __init__(self) -> None:
        self.asked: list[Future[Pulse]] = []

    @property
    def pulse(self) -> "Reborn":
        return self

    ready = pulse

    def remote(self) -> "Reborn":
        return self

    def future(self) -> "Future[Pulse]":
        self.asked.append(Future())
        return self.asked[-1]

    def answer(self, incarnation: str) -> None:
        self.asked[-1].set_result(Pulse(incarnation, "here", 1, False))


def test_a_question_that_died_with_a_process_is_not_held_against_the_next_process() -> None:
    actor = Reborn()
    seat = Seat(actor, life=lambda _: ("ALIVE", 1))
    looks(seat, 1)
    actor.answer("first")
    looks(seat, 1)
    assert set(looks(seat, 4)) == {Sign.UP}
    actor.answer("second")
    assert looks(seat, 1) == [Sign.RESTARTED]
    actor.answer("second")
    assert set(looks(seat, 5)) == {Sign.UP}


def test_the_silence_of_a_new_start_is_not_held_against_the_next_process_either() -> None:
    actor = Reborn()
    process = 1
    seat = Seat(actor, life=lambda _: ("ALIVE", process))
    looks(seat, 1)
    actor.answer("first")
    looks(seat, 1)
    process = 2  # which came to life a moment ago, after a start of five seconds
    assert set(looks(seat, 10)) == {Sign.UP, Sign.STARTING}
    assert Sign.HUNG in looks(seat, 3)


def test_one_that_waits_for_a_place_is_asked_no_more_than_once() -> None:
    actor = Reborn()
    seat = Seat(actor, life=lambda _: ("PENDING_CREATION", 0))
    assert set(looks(seat, 100)) == {Sign.STARTING}
    assert len(actor.asked) == 1


class Open:
    """An actor that has opened, and answers every question until it is silenced."""

    def __init__(self) -> None:
        self.asked = 0
        self.silent = False
        self.dead = False

    @property
    def pulse(self) -> "Open":
        self.asked += 1
        return self

    @property
    def ready(self) -> "Open":
        return self

    def remote(self) -> "Open":
        return self

    def future(self) -> "Future[Pulse]":
        answer: Future[Pulse] = Future()
        if self.dead:
            answer.set_exception(ActorDiedError())
        elif not self.silent:
            answer.set_result(Pulse("first", "here", 1, False))
        return answer


def opened(actor: Open) -> Seat:
    seat = Seat(actor, life=lambda _: ("ALIVE", 1))
    while not seat.is_open:
        seat.look(0.1, PATIENCE)
    return seat


def test_one_that_has_opened_is_asked_five_times_within_the_patience() -> None:
    actor = Open()
    seat = opened(actor)
    before = actor.asked
    assert {seat.look(0.1, PATIENCE) for _ in range(50)} == {Sign.UP}
    assert 4 <= actor.asked - before <= 5


def test_the_time_in_which_nobody_asks_is_nobodys_silence() -> None:
    actor = Open()
    seat = opened(actor)
    actor.silent = True
    signs = [seat.look(0.1, PATIENCE) for _ in range(65)]
    assert set(signs[:58]) == {Sign.UP}
    assert Sign.HUNG in signs


def test_a_death_is_noticed_at_the_next_question() -> None:
    actor = Open()
    seat = opened(actor)
    actor.dead = True
    assert Sign.GONE in [seat.look(0.1, PATIENCE) for _ in range(15)]
