"""The credit account of one worker, without a socket."""

from karya.queue.peers import Peer, Roster
from karya.queue.wire import Credit, Hello, Role
from tests.unit.queue.stage import make_hints


def peer(role: Role = Role.WORKER) -> Peer:
    return Peer(b"id", Hello(owner="w", session="s", role=role), now=0, beat=1)


def credit(received: int, free: int) -> Credit:
    return Credit(session="s", received=received, free=free, running=0)


def test_credit_is_what_is_free_less_what_is_on_the_way() -> None:
    account = peer()
    assert account.credit == 0
    account.announced(credit(0, 10), now=1)
    account.sent(make_hints(4), now=1)
    assert account.credit == 6
    account.announced(credit(3, 5), now=1)
    assert account.credit == 4


def test_a_client_never_has_credit() -> None:
    account = peer(Role.CLIENT)
    account.announced(credit(0, 10), now=1)
    assert account.credit == 0


def test_loss_is_judged_by_the_words_of_the_worker_not_by_its_silence() -> None:
    account = peer()
    account.announced(credit(0, 10), now=1)
    hints = make_hints(4)
    account.sent(hints, now=1)
    account.announced(credit(1, 9), now=2)
    account.heard_at = 4.9
    assert account.give_up(3) == []
    account.overslept(0.2)
    assert account.give_up(3) == []
    account.heard_at = 5.2
    assert account.give_up(3) == hints[1:]
    assert account.credit == 9
    assert account.give_up(3) == []
    assert account.remains() == hints[:1]


def test_steady_progress_is_no_loss() -> None:
    account = peer()
    account.announced(credit(0, 100), now=0)
    for second in range(10):
        account.sent(make_hints(2), now=second)
        account.heard_at = second
        account.announced(credit(second, 100), now=second)
        assert account.give_up(3) == []


def test_only_received_and_old_hints_are_forgotten() -> None:
    account = peer()
    account.announced(credit(0, 10), now=0)
    old, late, newest = make_hints(2), make_hints(2, first=2), make_hints(2, first=4)
    account.sent(old, now=0)
    account.sent(late, now=3)
    account.sent(newest, now=9)
    account.announced(credit(1, 10), now=9)
    assert account.remains() == old + late + newest
    account.announced(credit(3, 10), now=9)
    assert account.remains() == late + newest
    account.announced(credit(6, 10), now=10.5)
    assert account.remains() == newest
    account.announced(credit(6, 10), now=11.5)
    assert account.remains() == []


def test_memory_of_what_was_received_is_bounded() -> None:
    account = peer()
    for batch in range(30):
        account.announced(credit(batch * 500, 500), now=0)
        account.sent(make_hints(500), now=0)
    account.announced(credit(15_000, 500), now=0)
    assert len(account.remains()) == 10_000


def test_a_leaving_worker_answers_for_what_it_took() -> None:
    account = peer()
    account.announced(credit(0, 10), now=0)
    hints = make_hints(5)
    account.sent(hints, now=0)
    account.announced(credit(4, 6), now=0)
    account.took_over(3)
    assert account.remains() == hints[3:]
    account.took_over(99)
    assert account.remains() == []


def test_the_one_with_most_credit_is_served_first_and_of_equals_the_one_that_waited_longest() -> None:
    roster, free = Roster(), {b"a": 10, b"b": 10, b"c": 20}
    for identity, slots in free.items():
        roster.add(Peer(identity, Hello(owner="w", session="s", role=Role.WORKER), now=0, beat=1))
        worker = roster.get(identity)
        assert worker is not None
        worker.announced(credit(0, slots), now=0)
    assert [ready.identity for ready in roster.ready("default")] == [b"c", b"a", b"b"]
    first = roster.get(b"a")
    assert first is not None
    first.sent(make_hints(1), now=1)
    first.announced(credit(1, 10), now=2)
    assert [ready.identity for ready in roster.ready("default")] == [b"c", b"b", b"a"]
