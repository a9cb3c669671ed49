"""The staff of a cluster, played."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from karya.actors.cluster.rolling import Rolling
from karya.actors.cluster.staffing import free_name, members
from karya.core.configuration import read_settings


@dataclass
class Stage:
    """A staff of which each member opens, or leaves, when the test says so; and what was done to it."""

    wanted: set[str]
    port: int = 0
    story: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    alive: frozenset[str] = frozenset()
    leads: bool = False
    now: float = 0.0

    @property
    def charter(self) -> Any:
        settings = read_settings("pools: {gpu: {count: 1}}", {}, {"queue.port": self.port})
        return SimpleNamespace(ground=SimpleNamespace(settings=settings))

    def rolling(self, everything: bool = False) -> Rolling:
        return Rolling(
            self,  # type: ignore[arg-type]
            everything=everything,
            is_connected=self.is_open,
            leads=lambda: self.leads,
            undo=lambda: self.story.append("undo"),
            monotonic=lambda: self.now,
        )

    def is_open(self, name: str) -> bool:
        return name in self.open

    def is_waiting(self, name: str) -> bool:
        return name in self.waiting

    def is_leaving(self, name: str) -> bool:
        return name in self.leaving

    def failure(self, name: str) -> str | None:
        return self.failures.get(name)

    def pool(self, pool: str) -> list[str]:
        return members(pool, self.wanted)

    def add(self, pool: str) -> str:
        name = free_name(pool, self.wanted)
        self.wanted.add(name)
        self.story.append(f"add {name}")
        return name

    def retire(self, name: str, way: str = "close") -> None:
        self.wanted.discard(name)
        self.replace(name, way)

    def replace(self, name: str, way: str = "close") -> None:
        if f"{way} {name}" in self.story:
            return  # as one who has left already
        self.open.discard(name)
        self.leaving.add(name)
        self.story.append(f"{way} {name}")

    def stations(self) -> dict[str, str]:
        return {name: node for name, node in self.nodes.items() if name in self.wanted}

    def give_up(self, name: str) -> None:
        self.wanted.discard(name)
        self.kill(name)

    def kill(self, name: str) -> None:
        self.story.append(f"kill {name}")
