"""On which node an actor runs."""

from typing import Any

import pytest

from karya.actors.cluster.placement import ANYWHERE, node_for, one_too_many

HOME, NEAR, FAR = "home", "a-node", "z-node"
ALL = frozenset((HOME, NEAR, FAR))


def placed(name: str, **changes: Any) -> str | None:
    given: dict[str, Any] = {"claims": False, "home": HOME, "roams": True, "alive": ALL, "taken": ()}
    return node_for(name, **{**given, **changes})


@pytest.mark.parametrize("name", ["server", "scheduler", "understudy", "worker-0", "worker-gpu-0"])
@pytest.mark.parametrize("claims", [True, False])
def test_a_queue_on_loopback_keeps_everybody_at_home(name: str, claims: bool) -> None:
    assert placed(name, claims=claims, roams=False) == HOME
    assert placed(name, claims=claims, roams=False, alive=frozenset((NEAR,))) is None


@pytest.mark.parametrize("name", ["server", "scheduler", "understudy"])
def test_server_and_scheduler_leave_home_only_when_it_dies(name: str) -> None:
    assert placed(name) == HOME
    assert placed(name, alive=frozenset((FAR, NEAR))) == NEAR
    assert placed(name, alive=frozenset()) is None


def test_a_worker_that_claims_something_goes_where_that_is() -> None:
    assert placed("worker-gpu-0", claims=True) == ANYWHERE


def test_others_go_where_the_fewest_are_and_stay_at_home_rather() -> None:
    assert placed("worker-0") == HOME
    assert placed("worker-1", taken=[HOME]) == NEAR
    assert placed("worker-2", taken=[HOME, NEAR]) == FAR
    assert placed("worker-3", taken=[HOME, NEAR, FAR]) == HOME
    assert placed("worker-3", taken=[HOME, NEAR, FAR], alive=frozenset((NEAR, FAR))) == NEAR
    assert placed("worker-0", alive=frozenset()) is None


def test_one_too_many_is_on_the_fullest_of_the_living_nodes() -> None:
    at_home = {"worker-0": HOME, "worker-1": HOME, "worker-2": HOME}
    assert one_too_many(at_home, ALL) == "worker-2"
    assert one_too_many({**at_home, "worker-2": NEAR}, ALL) == "worker-1"
    assert one_too_many({**at_home, "worker-2": NEAR, "worker-1": FAR}, ALL) is None
    assert one_too_many({**at_home, "worker-2": NEAR}, frozenset((HOME, NEAR))) is None
    assert one_too_many({"worker-0": FAR, "worker-1": FAR}, frozenset((HOME,))) is None
    assert one_too_many({}, ALL) is None
