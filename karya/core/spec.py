"""What a client asks for: a job in its wire form, checked."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Generic, TypeVar, Union, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
)

from karya.core.action import Action
from karya.core.hook import HookSpec
from karya.core.limits import Concurrency, Rate
from karya.core.policies import DEFAULT_MISFIRE, DEFAULT_RETENTION, Misfire, Overlap, Retention
from karya.core.pools import DEFAULT_POOL, PoolName
from karya.core.priority import DEFAULT_PRIORITY, Priority
from karya.core.retry import DEFAULT_RETRY, RetryPolicy
from karya.core.schedule import Once, Schedule
from karya.core.steps import MAX_STEPS, StepSpec, StepTimeout
from karya.core.text import Shaped, printable

A = TypeVar("A", bound=Action)

Tag = Annotated[
    str,
    Shaped(
        r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}",
        "a tag is 1 to 64 letters, digits and _ . : / -, the first one a letter or digit",
    ),
]
MAX_TAGS = 20

JobName = Annotated[
    str,
    Shaped(
        r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}",
        "a name is 1 to 100 letters, digits and _ . : / -, the first one a letter or digit",
    ),
]
"""What a job is called by people; of the live jobs of an owner, no two have the same name."""


class JobSpec(BaseModel, Generic[A]):
    """A job as a client writes it: what to do, when, how patiently, and what to do afterwards.

    It has either one `action` or several `steps`. `name` is unique among the live jobs of its owner, `set`
    says with which others it was declared. `retry`, `timeout` (of one attempt) and `pool` (whose workers run
    it) hold for every step that has none of its own; `concurrency` and `rate` for every step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: JobName | None = None
    set: Tag | None = None
    description: Annotated[str, Field(max_length=1000), AfterValidator(printable)] = ""
    user_id: Annotated[str, Field(max_length=100)] | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS)] = ()
    schedule: Schedule = Field(default_factory=Once)
    steps: Annotated[tuple[StepSpec[A], ...], Field(max_length=MAX_STEPS)] = ()
    action: Annotated[SerializeAsAny[A] | None, Field(validate_default=True)] = None
    retry: RetryPolicy = Field(default_factory=lambda: DEFAULT_RETRY)
    timeout: StepTimeout | None = None
    pool: PoolName = DEFAULT_POOL
    priority: Priority = DEFAULT_PRIORITY
    hooks: Annotated[tuple[HookSpec[A], ...], Field(max_length=20)] = ()
    misfire: Misfire = DEFAULT_MISFIRE
    overlap: Overlap = Overlap.ALLOW
    concurrency: Concurrency | None = None
    rate: Rate | None = None
    retention: Retention = DEFAULT_RETENTION

    @field_validator("action")
    @classmethod
    def _something_to_do(cls, action: A | None, info: ValidationInfo) -> A | None:
        steps = info.data.get("steps")
        if action is None and steps == ():
            raise ValueError("give an action, or steps")
        if action is not None and steps:
            raise ValueError("give either action or steps, not both")
        return action

    @field_validator("tags")
    @classmethod
    def _each_once(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tags))

    @property
    def actions(self) -> tuple[tuple[str, Action], ...]:
        """Every action of it, each with the field where it stands: what the connectors are asked about."""
        one: list[tuple[str, Action]] = [("action", self.action)] if self.action is not None else []
        steps = [(f"steps.{number}.action", step.action) for number, step in enumerate(self.steps)]
        hooks = [(f"hooks.{number}.action", hook.action) for number, hook in enumerate(self.hooks)]
        return (*one, *steps, *hooks)

    @property
    def retries(self) -> tuple[tuple[str, RetryPolicy], ...]:
        """Every retry policy of it, each with the field where it stands."""
        steps = [
            (f"steps.{number}.retry", step.retry) for number, step in enumerate(self.steps) if step.retry
        ]
        hooks = [(f"hooks.{number}.retry", hook.retry) for number, hook in enumerate(self.hooks)]
        return (("retry", self.retry), *steps, *hooks)

    @property
    def pools(self) -> tuple[tuple[str, str], ...]:
        """Every pool that it asks for, each with the field where it stands."""
        steps = [(f"steps.{number}.pool", step.pool) for number, step in enumerate(self.steps) if step.pool]
        return (("pool", self.pool), *steps)


Spec = JobSpec[Action] | Mapping[str, Any]
"""A job as a model, or as the mapping that its JSON would be."""


def wire_of(spec: Spec) -> dict[str, Any]:
    """The mapping that it is, or would be, as JSON."""
    return spec.model_dump(mode="json") if isinstance(spec, JobSpec) else dict(spec)


def spec_model(actions: Iterable[type[Action]]) -> type[JobSpec[Action]]:
    """The JobSpec whose `action` is one of these kinds, told apart by `type`."""
    kinds = tuple(actions)
    union = kinds[0] if len(kinds) == 1 else Annotated[Union[kinds], Field(discriminator="type")]  # noqa: UP007
    return cast("type[JobSpec[Action]]", cast(Any, JobSpec)[union])
