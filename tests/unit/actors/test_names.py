"""How the actors of a cluster are called."""

from karya.actors.cluster.names import pool_of
from karya.actors.cluster.staffing import full_staff
from karya.core.configuration import read_settings


def test_workers_are_numbered_in_their_pool() -> None:
    text = "worker: {count: 2}\npools: {gpu: {}, gpu-0: {count: 2}, idle: {count: 0, max_count: 1}}"
    assert {name: pool_of(name) for name in full_staff(read_settings(text, {}).all_pools)} == {
        "scheduler": None,
        "server": None,
        "worker-0": "default",
        "worker-1": "default",
        "worker-gpu-0": "gpu",
        "worker-gpu-0-0": "gpu-0",
        "worker-gpu-0-1": "gpu-0",
    }
