"""The order of a rolling restart, where a real one would take minutes or a machine without room."""

import pytest

from tests.unit.actors.cluster.stage import Stage


def test_a_worker_goes_only_when_its_replacement_is_there() -> None:
    stage = Stage({"worker-0", "worker-gpu-0"})
    rolling = stage.rolling()
    rolling.go_on()
    rolling.go_on()
    assert stage.story == ["add worker-1"]
    stage.open.add("worker-1")
    rolling.go_on()
    rolling.go_on()
    assert stage.story == ["add worker-1", "close worker-0"]
    stage.leaving.clear()
    rolling.go_on()
    assert stage.story[2:] == ["add worker-gpu-1"]
    assert rolling.progress.done == ("worker-0: replaced by worker-1",)
    assert (rolling.progress.current, rolling.progress.total) == ("worker-gpu-0", 2)


def test_a_worker_makes_room_for_a_replacement_that_finds_none() -> None:
    stage = Stage({"worker-gpu-0"}, waiting={"worker-gpu-1"})
    rolling = stage.rolling()
    for stage.now in (0.0, 4.0):
        rolling.go_on()
    assert stage.story == ["add worker-gpu-1"]
    stage.now = 6.0
    rolling.go_on()
    assert stage.story == ["add worker-gpu-1", "close worker-gpu-0"]
    stage.leaving.clear()
    rolling.go_on()
    stage.open.add("worker-gpu-1")
    rolling.go_on()
    assert rolling.progress.ended
    assert rolling.progress.error is None


@pytest.mark.parametrize("failure", [{}, {"worker-1": "the port is taken"}])
def test_it_stops_at_a_replacement_that_does_not_come_up(failure: dict[str, str]) -> None:
    stage = Stage({"worker-0", "worker-gpu-0"}, failures=failure)
    rolling = stage.rolling()
    rolling.go_on()
    stage.now = 1.0 if failure else 61.0
    rolling.go_on()
    rolling.go_on()
    assert stage.story == ["add worker-1", "kill worker-1", "undo"]
    assert stage.wanted == {"worker-0", "worker-gpu-0"}
    assert rolling.progress.ended
    assert (failure.get("worker-1") or "worker-1 does not work after 60 s") in str(rolling.progress.error)


def test_somebody_leads_while_the_scheduler_starts() -> None:
    stage = Stage({"scheduler", "server"})
    rolling = stage.rolling(everything=True)
    rolling.go_on()
    assert stage.wanted == {"scheduler", "server", "understudy"}
    stage.open.add("understudy")
    rolling.go_on()
    assert stage.story == ["hand_over scheduler"]
    stage.leaving.clear()
    rolling.go_on()
    stage.open.add("scheduler")
    rolling.go_on()
    assert stage.story[1:] == ["hand_over understudy"]
    rolling.go_on()
    assert rolling.progress.current == "scheduler"
    stage.leads = True
    rolling.go_on()
    assert stage.story[2:] == ["close server"]
    assert "scheduler: restarted" in rolling.progress.done


def test_one_port_is_not_enough_for_two_schedulers() -> None:
    stage = Stage({"scheduler", "server"}, port=7000, leads=True)
    stage.rolling(everything=True).go_on()
    assert stage.story == ["close scheduler"]


def test_a_scheduler_that_fails_leaves_no_understudy() -> None:
    stage = Stage({"scheduler", "server"}, open={"understudy"}, failures={"scheduler": "no"})
    rolling = stage.rolling(everything=True)
    rolling.go_on()
    stage.leaving.clear()
    rolling.go_on()
    rolling.go_on()
    assert stage.story == ["hand_over scheduler", "kill scheduler", "hand_over understudy", "undo"]
    assert stage.wanted == {"scheduler", "server"}
    assert rolling.progress.error == "scheduler does not start: no"


def test_workers_of_a_pool_that_is_no_more_are_retired() -> None:
    stage = Stage({"worker-old-0"})
    rolling = stage.rolling()
    rolling.go_on()
    assert stage.story == ["close worker-old-0"]
    stage.leaving.clear()
    rolling.go_on()
    assert rolling.progress.done == ("worker-old-0: retired, its pool is no more",)
