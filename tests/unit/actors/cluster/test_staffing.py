"""Who shall be there: the table of a cluster's actors."""

import pytest

from karya.actors.cluster.names import is_ours, pool_of, worker_name
from karya.actors.cluster.staffing import free_name, full_staff, members
from karya.core.settings import PoolSettings

POOLS = {"default": PoolSettings(count=2), "gpu": PoolSettings(count=0, max_count=2), "3": PoolSettings()}


@pytest.mark.parametrize("pool", ["default", "gpu", "gpu-large", "3", "a-3", "worker"])
@pytest.mark.parametrize("number", [0, 12])
def test_the_name_of_a_worker_tells_its_pool(pool: str, number: int) -> None:
    assert pool_of(worker_name(number, pool)) == pool


@pytest.mark.parametrize(
    "name", ["server", "scheduler", "supervisor", "understudy", "worker", "worker-x", ""]
)
def test_others_are_in_no_pool(name: str) -> None:
    assert pool_of(name) is None


def test_what_others_run_in_the_namespace_is_not_ours() -> None:
    assert all(map(is_ours, ("server", "scheduler", "supervisor", "understudy", "worker-0", "worker-gpu-1")))
    assert not any(map(is_ours, ("trainer", "my-worker-0", "worker")))


def test_a_new_cluster_has_the_least_of_everything() -> None:
    assert full_staff(POOLS) == {"scheduler", "server", "worker-0", "worker-1", "worker-3-0"}


def test_who_lives_stays_and_the_missing_are_added() -> None:
    living = ["worker-7", "worker-gpu-4", "server"]
    wanted = full_staff(POOLS, living)
    assert wanted == {"scheduler", "server", "worker-7", "worker-0", "worker-gpu-4", "worker-3-0"}


def test_no_more_stay_than_a_pool_may_have() -> None:
    living = [f"worker-gpu-{number}" for number in (10, 2, 9)] + ["worker-old-0"]
    assert {name for name in full_staff(POOLS, living) if "gpu" in name or "old" in name} == {
        "worker-gpu-2",
        "worker-gpu-9",
    }


def test_members_are_in_the_order_of_their_numbers() -> None:
    names = ["worker-10", "worker-9", "worker-gpu-1", "server", "worker-0"]
    assert members("default", names) == ["worker-0", "worker-9", "worker-10"]
    assert free_name("default", names) == "worker-1"
    assert free_name("gpu", names) == "worker-gpu-0"
