"""A step: one action inside a job, and the steps that it comes after."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_validator

from karya.core.action import Action, ActionText
from karya.core.asking import SELDOM
from karya.core.made import unchecked
from karya.core.pools import PoolName
from karya.core.retry import RetryPolicy
from karya.core.template import STEPS, normalise
from karya.core.text import Shaped
from karya.core.times import Duration

A = TypeVar("A", bound=Action)
MAX_STEPS = 100
MAX_AFTER = 50

StepName = Annotated[
    str,
    Shaped(
        r"[A-Za-z_][A-Za-z0-9_-]{0,62}",
        "a name is 1 to 63 letters, digits, _ and -, the first one a letter or _",
    ),
]
"""How a step is named: such a name needs no quotes in a template."""

StepTimeout = Annotated[Duration, Field(ge=timedelta(milliseconds=1), le=timedelta(days=1))]
"""How long one attempt at a step may take."""


class When(StrEnum):
    """What must have become of the steps before it for a step to run."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"


class StepSpec(BaseModel, Generic[A]):
    """A step as a client writes it.

    It waits until all steps in `after` have ended, and runs when they ended as `when` says; without
    `after` it runs at once. `retry` and `pool` are the job's own when left out; `timeout` bounds each
    attempt.
    Texts in the action may hold templates (karya.core.template) of the steps before it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Annotated[StepName, Field(examples=["extract"])]
    action: SerializeAsAny[A]
    after: Annotated[tuple[StepName, ...], Field(max_length=MAX_AFTER, examples=[["extract", "load"]])] = ()
    """Names of the steps that it waits for; it starts at once without any."""
    when: When = When.SUCCESS
    """What must have become of them."""
    retry: RetryPolicy | None = None
    timeout: Annotated[StepTimeout | None, Field(json_schema_extra=SELDOM)] = None
    """Of an attempt; that of the job without one."""
    pool: Annotated[PoolName | None, Field(json_schema_extra=SELDOM)] = None
    """That of the job without one."""

    @field_validator("action", mode="before")
    @classmethod
    def _plain_templates(cls, action: Any) -> Any:
        # Before the action's own rules: a URL, for one, may hold no spaces.
        return normalise(action, roots=(STEPS,))


class Step(BaseModel):
    """A step as it is stored."""

    model_config = ConfigDict(frozen=True)

    name: str
    action: ActionText
    after: tuple[str, ...] = ()
    when: When = When.SUCCESS
    retry: RetryPolicy | None = None
    timeout: Duration | None = None
    pool: str | None = None

    @classmethod
    def of(cls, spec: StepSpec[Action]) -> "Step":
        """The stored form of what the client wrote."""
        return step_of(
            name=spec.name,
            action=spec.action.model_dump_json(),
            after=spec.after,
            when=spec.when,
            retry=spec.retry,
            timeout=spec.timeout,
            pool=spec.pool,
        )


step_of = unchecked(Step)
"""A step of values that were checked."""
