"""What waits in the simulation waits as it should."""

from bench.scaling.stations import Clock, Journal, Network, Station, first_of, last_of, work


def test_who_writes_during_a_flush_shares_the_next() -> None:
    clock = Clock()
    durable: list[float] = []
    journal = Journal(clock, 10.0, 0.0, 1e12, seed=1)
    for at in (0.0, 1.0, 5.0):
        clock.after(at, lambda: journal.flush(0, lambda: durable.append(clock.now)))
    clock.run()
    assert durable == [10.0, 20.0, 20.0]
    assert journal.flushes == 2


def test_a_thread_and_a_core_are_both_waited_for() -> None:
    clock = Clock()
    ended: list[float] = []
    core, threads = Station(clock, 1), [Station(clock, 1), Station(clock, 1)]
    for thread in threads:
        work(clock, [thread, core], 10.0, lambda: ended.append(clock.now))
    clock.run()
    assert ended == [10.0, 20.0]


def test_bytes_go_one_after_the_other_and_each_way_takes_a_while() -> None:
    clock = Clock()
    there: list[float] = []
    network = Network(clock, 100.0, 1e6)
    for _ in range(2):
        network.send(10, lambda: there.append(clock.now))
    clock.run()
    assert there == [110.0, 120.0]


def test_all_are_waited_for_or_the_first() -> None:
    seen: list[str] = []
    last, first = last_of(2, lambda: seen.append("last")), first_of(lambda: seen.append("first"))
    first()
    last()
    assert seen == ["first"]
    first()
    last()
    assert seen == ["first", "last"]
