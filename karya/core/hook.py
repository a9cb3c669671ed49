"""What happens after: an action fired by what became of a task or of the job."""

from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_validator

from karya.core.action import Action, ActionText
from karya.core.retry import RetryPolicy
from karya.core.template import EVENT, normalise

A = TypeVar("A", bound=Action)


class Trigger(StrEnum):
    """What fires a hook. ON_FAILURE and ON_DEAD_LETTER are two names for one moment, kept apart because
    upstream's clients know only the first; ON_COMPLETION, ON_CANCELLED and ON_MISFIRE belong to the job,
    the others to a task."""

    ON_SUCCESS = "ON_SUCCESS"
    ON_RETRY = "ON_RETRY"
    ON_FAILURE = "ON_FAILURE"
    ON_DEAD_LETTER = "ON_DEAD_LETTER"
    ON_CANCELLED = "ON_CANCELLED"
    ON_MISFIRE = "ON_MISFIRE"
    ON_COMPLETION = "ON_COMPLETION"


TASK_TRIGGERS = frozenset({Trigger.ON_SUCCESS, Trigger.ON_RETRY, Trigger.ON_FAILURE, Trigger.ON_DEAD_LETTER})
"""The triggers that a task carries with it; the job keeps the others."""


class HookSpec(BaseModel, Generic[A]):
    """A hook as a client writes it: an action that runs, with its own retries, when the trigger happens.

    ON_SUCCESS fires for each task that succeeds, ON_RETRY for each attempt that fails and is tried
    again, ON_FAILURE and ON_DEAD_LETTER once per failed task when its retries are exhausted; ON_MISFIRE
    for each range of instants that is skipped as misfired; ON_CANCELLED when the job is cancelled;
    ON_COMPLETION once per job, when its last occurrence has ended, whatever the outcome.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trigger: Trigger
    action: SerializeAsAny[A]
    retry: RetryPolicy = Field(default_factory=RetryPolicy)

    @field_validator("action", mode="before")
    @classmethod
    def _plain_templates(cls, action: Any) -> Any:
        return normalise(action, roots=(EVENT,))


class Hook(BaseModel):
    """A hook as it is stored."""

    model_config = ConfigDict(frozen=True)

    trigger: Trigger
    action: ActionText
    retry: RetryPolicy

    @classmethod
    def of(cls, spec: HookSpec[Action]) -> "Hook":
        """The stored form of what the client wrote."""
        return cls(trigger=spec.trigger, action=spec.action.model_dump_json(), retry=spec.retry)
