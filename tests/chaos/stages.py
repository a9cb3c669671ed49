"""The stages on which faults are played: what stands beside a `karya up`, and what it is told.

A new one, such as a replica set or several machines, is a subclass and a line in STAGES; its faults name it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.chaos.replica_set import ReplicaSet
from tests.chaos.timing import WORKERS


class Stage:
    """Everything on this machine, and the database embedded."""

    name: ClassVar[str] = "plain"
    crew: ClassVar[Mapping[str, int]] = {
        "karya up": 1,
        "mongod": 1,
        "raylet": 1,
        "gcs": 1,
        "scheduler": 1,
        "server": 1,
        "worker": WORKERS,
    }
    """How many processes of each role there are when all is well."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def start(self) -> Mapping[str, str]:
        """Starts what has to be there before the cluster; returns settings of it, as environment variables.
        Blocks."""
        return {}

    def stop(self) -> None:
        """Ends what `start` has started, even if it came half-way only."""


class ReplicaStage(Stage):
    """MongoDB is a replica set of three members beside the cluster, which finds it by `store.url`."""

    name = "replica-set"
    crew: ClassVar[Mapping[str, int]] = {
        role: number for role, number in Stage.crew.items() if role != "mongod"
    }

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.members = ReplicaSet(home)

    def start(self) -> Mapping[str, str]:
        self.members.start()
        return {"KARYA_STORE__URL": self.members.url}

    def stop(self) -> None:
        self.members.stop()


STAGES: Mapping[str, type[Stage]] = {stage.name: stage for stage in (Stage, ReplicaStage)}
