"""What is stored, as plain documents: the ledger reads it with nothing of Karya's own."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo.database import Database

Document = Mapping[str, Any]

OPEN = frozenset({"BLOCKED", "READY", "RUNNING"})
LIVE = frozenset({"ACTIVE", "PAUSED"})
TOKENS = 1 << 20
"""How far the tokens of two versions of a job lie apart."""

_TEXTS = ["action", "action_large", "event", "hooks", "limits", "retry", "schedule", "steps"]
_BESIDE = ("tasks", "skips", "limits")
_ALL: list[Any] = [
    {"$unset": _TEXTS},
    *({"$unionWith": {"coll": name, "pipeline": [{"$unset": _TEXTS}]}} for name in _BESIDE),
]
"""Everything at once: one question costs a third of three."""


@dataclass(frozen=True)
class Snapshot:
    """All jobs, tasks, skipped ranges and limits in use by their ids."""

    jobs: Mapping[str, Document] = field(default_factory=dict)
    tasks: Mapping[str, Document] = field(default_factory=dict)
    skips: Mapping[str, Document] = field(default_factory=dict)
    gates: Mapping[str, Document] = field(default_factory=dict)

    @classmethod
    def of(cls, database: Database[Any]) -> "Snapshot":
        """What is there now."""
        jobs: dict[str, Document] = {}
        tasks: dict[str, Document] = {}
        skips: dict[str, Document] = {}
        gates: dict[str, Document] = {}
        for one in database["jobs"].aggregate(_ALL):
            kind = tasks if "kind" in one else jobs if "cursor" in one else gates if "seq" in one else skips
            kind[one["_id"]] = one
        return cls(jobs, tasks, skips, gates)

    def steps(self, job_id: str) -> list[Document]:
        """The tasks of a job, hooks left out."""
        return [task for task in self.tasks.values() if task["job_id"] == job_id and task["kind"] == "step"]

    def by_cause(self, job_id: str) -> Mapping[str, list[Document]]:
        """The same, by their occurrence."""
        found: dict[str, list[Document]] = defaultdict(list)
        for task in self.steps(job_id):
            found[task["cause"]].append(task)
        return found


def lease(task: Document) -> str | None:
    """The id of the last lease of a task."""
    ident: str | None = task.get("lease", {}).get("id")
    return ident


def is_untouched(task: Document) -> bool:
    """Whether a task was never claimed."""
    return task["status"] in ("READY", "BLOCKED") and task["attempts"] == 0 and task["token"] % TOKENS == 0
