"""What an actor is about to do: whatever changes meanwhile must follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from tests.model.terms import Terms


class Said(Enum):
    """What a worker says that became of an attempt."""

    SUCCESS = "success"
    FAILURE = "failure"
    PERMANENT = "permanent"
    STOPPED = "stopped"
    RELEASED = "released"


Held = tuple[str, str]
"""A task and the lease under which it is held."""


@dataclass(frozen=True)
class Word:
    """What was said, and when it was so."""

    said: Said
    at: datetime


@dataclass(frozen=True)
class Act:
    """One action of one actor. `kind` names it; the rest says what it is about."""

    kind: str
    job_id: str = ""
    task_id: str = ""
    owner: str = ""
    request: str = ""
    tokens: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Of a claim: the tokens that the hints name, by task."""
    reports: Mapping[Held, Word] = field(default_factory=dict)
    terms: Mapping[str, Terms] = field(default_factory=dict)
    """Of a submission or an update: what is wanted, by job."""
    parent: str | None = None

    def __str__(self) -> str:
        about = [self.job_id, self.task_id, self.owner, self.request, *self.terms]
        return " ".join([self.kind, *(text for text in about if text)])
