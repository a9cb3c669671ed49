"""What happens after: an action fired by what became of a task or of the job."""

from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from karya.core.action import Action, ActionText
from karya.core.retry import RetryPolicy

A = TypeVar("A", bound=Action)


class Trigger(StrEnum):
    """What fires a hook."""

    ON_FAILURE = "ON_FAILURE"
    ON_COMPLETION = "ON_COMPLETION"


class HookSpec(BaseModel, Generic[A]):
    """A hook as a client writes it: an action that runs, with its own retries, when the trigger happens.

    ON_FAILURE fires once per failed task, when its retries are exhausted; ON_COMPLETION once per
    job, when its last occurrence has ended, whatever the outcome.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trigger: Trigger
    action: SerializeAsAny[A]
    retry: RetryPolicy = Field(default_factory=RetryPolicy)


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
