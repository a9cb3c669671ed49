"""What follows from steps that have ended: the steps behind them open, or are skipped, and so on.

All is read and written in the transaction that ends the first of them. Every step that is told of an
outcome is written, whether or not it opens: two steps that end at the same time thus write the same
document, one of the two transactions is refused, and done again it sees what the other has left.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne

from karya.core.graph import Gate, Open, Skip
from karya.core.ids import task_id
from karya.core.steps import When
from karya.core.task import TaskState
from karya.core.transitions import Transition, skip, unblock
from karya.store.client import Document
from karya.store.names import BY_ID
from karya.store.updates import update_of

GATE_FIELDS = {"job_id": 1, "cause": 1, "step": 1, "when": 1, "waiting_on": 1, "outcomes": 1, "next": 1}
"""What `follow` needs of a step that may wait."""

_BLOCKED = TaskState.BLOCKED.value

Read = Callable[[Sequence[str]], Awaitable[Iterable[Document]]]
"""Reads the GATE_FIELDS of those of these tasks that are BLOCKED."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A step that has ended, and the names of the steps that wait for it."""

    job_id: str
    cause: str
    step: str
    state: TaskState
    next: tuple[str, ...]

    @classmethod
    def of(cls, document: Document, state: TaskState) -> "Ended":
        """The step of this document, which has ended so."""
        behind = tuple(document.get("next", ()))
        return cls(document["job_id"], document["cause"], document["step"], state, behind)

    @property
    def behind(self) -> list[str]:
        """The ids of the steps that wait for it."""
        return [task_id(self.job_id, self.cause, name) for name in self.next]


@dataclass(slots=True)
class _Waiting:
    """A BLOCKED step, and what became of its gate."""

    document: Document
    gate: Gate
    skipped: bool = False

    @classmethod
    def of(cls, document: Document) -> "_Waiting":
        outcomes = {name: TaskState(state) for name, state in document.get("outcomes", {}).items()}
        when = When(document.get("when", When.SUCCESS))
        return cls(document, Gate(when, frozenset(document.get("waiting_on", ())), outcomes))

    def hear(self, ended: Ended) -> None:
        self.gate = self.gate.after(ended.step, ended.state)

    def newly_skipped(self) -> Ended | None:
        """This step as one that has ended, the first time that its gate stands at Skip."""
        if self.skipped or not isinstance(self.gate.verdict(), Skip):
            return None
        self.skipped = True
        return Ended.of(self.document, TaskState.SKIPPED)

    def update(self, now: datetime) -> UpdateOne:
        moved = self._moved(now)
        update = update_of(moved) if moved else {"$set": {}}
        update["$set"]["waiting_on"] = sorted(self.gate.waiting_on)
        update["$set"]["outcomes"] = {name: state.value for name, state in self.gate.outcomes.items()}
        return UpdateOne({"_id": self.document["_id"], "status": _BLOCKED}, update, hint=BY_ID)

    def _moved(self, now: datetime) -> Transition | None:
        match self.gate.verdict():
            case Open():
                return unblock(now)
            case Skip(reason):
                return skip(reason, now)
            case _:
                return None


async def follow(ended: Iterable[Ended], read: Read, now: datetime) -> Sequence[UpdateOne]:
    """The writes to the steps behind these, one for each, and behind those that are skipped because of
    them. A step that is not BLOCKED any more is left alone."""
    waiting: dict[str, _Waiting] = {}
    wave = [one for one in ended if one.next]
    while wave:
        unknown = {ident for one in wave for ident in one.behind} - waiting.keys()
        waiting |= {found["_id"]: _Waiting.of(found) for found in await read(sorted(unknown))}
        wave = _tell(wave, waiting)
    return [one.update(now) for one in waiting.values()]


def _tell(wave: Sequence[Ended], waiting: Mapping[str, _Waiting]) -> list[Ended]:
    """Tells what ended to the steps behind it; returns those of them that are skipped for it."""
    told = {ident: waiting[ident] for one in wave for ident in one.behind if ident in waiting}
    for one in wave:
        for ident in one.behind:
            if ident in told:
                told[ident].hear(one)
    skipped = [one.newly_skipped() for one in told.values()]
    return [one for one in skipped if one is not None]
