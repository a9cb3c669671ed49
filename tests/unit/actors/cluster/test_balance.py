"""How workers come to a node that joins."""

from karya.actors.cluster.balance import Balance
from tests.unit.actors.cluster.stage import Stage

HEAD, JOINED = "head", "joined"


def staged(*on_head: str) -> tuple[Stage, Balance]:
    """All workers on the head, and a node without any."""
    stage = Stage(set(on_head))
    stage.open.update(on_head)
    stage.nodes = dict.fromkeys(on_head, HEAD)
    stage.alive = frozenset((HEAD, JOINED))
    return stage, Balance(stage, stage.is_open)  # type: ignore[arg-type]


def test_one_moves_to_a_node_that_joins_and_goes_only_when_the_newcomer_works() -> None:
    stage, balance = staged("worker-0", "worker-1")
    assert balance.look(0)
    assert balance.look(1)
    assert stage.story == ["add worker-2"]
    stage.nodes["worker-2"] = JOINED
    stage.open.add("worker-2")
    assert not balance.look(2)
    assert not balance.look(3)
    assert stage.story == ["add worker-2", "close worker-1"]


def test_nobody_moves_where_it_would_make_nothing_better() -> None:
    stage, balance = staged("worker-0", "worker-1", "worker-2")
    stage.nodes["worker-2"] = JOINED
    assert not balance.look(0)
    assert stage.story == []


def test_nobody_moves_from_a_post_that_is_just_being_filled() -> None:
    stage, balance = staged("worker-0", "worker-1")
    stage.open.discard("worker-1")
    assert not balance.look(0)


def test_a_newcomer_that_does_not_come_is_given_up_and_the_next_one_tried_later() -> None:
    stage, balance = staged("worker-0", "worker-1")
    assert balance.look(0)
    assert balance.look(60)
    assert not balance.look(61)
    assert stage.story == ["add worker-2", "kill worker-2"]
    assert stage.wanted == {"worker-0", "worker-1"}
    assert not balance.look(100)
    assert balance.look(121)
