"""Listens to what the store says to MongoDB, and asks MongoDB how it would answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pymongo import monitoring
from pymongo.database import Database

Command = Mapping[str, Any]
_QUERIES = {"find", "update", "findAndModify", "aggregate", "count", "delete", "distinct"}
_SESSION = {"$db", "$clusterTime", "lsid", "txnNumber", "autocommit", "startTransaction"}
_CONCERNS = {"readConcern", "writeConcern", "$readPreference", "ordered"}


class Recorder(monitoring.CommandListener):
    """Hears the commands of every client made after `listen`, and keeps those of `recorded` blocks."""

    def __init__(self) -> None:
        self._kept: list[Command] | None = None

    def listen(self) -> None:
        monitoring.register(self)

    @contextmanager
    def recorded(self) -> Iterator[list[Command]]:
        """Collects the commands of the block."""
        self._kept = kept = []
        try:
            yield kept
        finally:
            self._kept = None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self._kept is not None:
            self._kept.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


RECORDER = Recorder()
RECORDER.listen()


@dataclass(frozen=True)
class Plan:
    """How MongoDB answers one command."""

    command: Command
    stages: tuple[str, ...]
    indexes: frozenset[str]
    keys: int
    documents: int
    returned: int

    def __str__(self) -> str:
        return f"{self.command} -> {self.stages} {set(self.indexes)}, {self.keys} keys, {self.documents} docs"


def plans(database: Database[dict[str, Any]], commands: list[Command]) -> list[Plan]:
    """The plans of all queries among the commands; an update of several parts has one for each."""
    return [_plan(database, part) for command in commands for part in _parts(command)]


def _parts(command: Command) -> Iterator[Command]:
    if next(iter(command)) not in _QUERIES:
        return
    bare = {key: value for key, value in command.items() if key not in _SESSION | _CONCERNS}
    for update in bare.get("updates", [None]):
        yield {**bare, "updates": [update]} if update else bare


def _plan(database: Database[dict[str, Any]], command: Command) -> Plan:
    answer = database.command("explain", dict(command), verbosity="executionStats")
    winning = list(_find(answer, "winningPlan"))
    (stats,) = _find(answer, "executionStats")
    stages = tuple(stage for plan in winning for stage in _find(plan, "stage"))
    indexes = frozenset(name for plan in winning for name in _find(plan, "indexName"))
    seen = stats["totalKeysExamined"], stats["totalDocsExamined"], stats["nReturned"]
    return Plan(command, stages, indexes, *seen)


def _find(tree: Any, key: str) -> Iterator[Any]:
    """The values of a key, wherever it stands."""
    if isinstance(tree, dict):
        if key in tree:
            yield tree[key]
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _find(branch, key)
