"""How the actors of a cluster are called."""

from karya.actors.cluster.names import worker_names
from karya.core.settings import read_settings


def test_workers_are_numbered_in_their_pool() -> None:
    text = "worker: {count: 2}\npools: {gpu: {}, gpu-0: {count: 2}, idle: {count: 0, max_count: 1}}"
    assert worker_names(read_settings(text, {}).all_pools) == {
        "worker-0": "default",
        "worker-1": "default",
        "worker-gpu-0": "gpu",
        "worker-gpu-0-0": "gpu-0",
        "worker-gpu-0-1": "gpu-0",
    }
