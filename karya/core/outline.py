"""What of a version of a job decides which tasks there are: all but what they do."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from karya.core.hook import Trigger
from karya.core.job import Job
from karya.core.policies import Retention
from karya.core.schedule import Schedule
from karya.core.steps import Step, When


class StepOutline(BaseModel):
    """A step without its action."""

    model_config = ConfigDict(frozen=True)

    name: str
    after: tuple[str, ...] = ()
    when: When = When.SUCCESS

    @classmethod
    def of(cls, step: Step) -> "StepOutline":
        """The outline of this step."""
        return cls(name=step.name, after=step.after, when=step.when)


class Outline(BaseModel):
    """The schedule, the steps, the triggers of the hooks in their order, and how long history is kept.

    Of a version that was replaced it is kept with the history of the job, so that the ledger can be audited
    without reading what the actions were.
    """

    model_config = ConfigDict(frozen=True)

    schedule: Schedule
    steps: tuple[StepOutline, ...]
    hooks: tuple[Trigger, ...] = ()
    retention: Retention = Retention()

    @classmethod
    def of(cls, job: Job) -> "Outline":
        """The outline of the present version."""
        return cls(
            schedule=job.schedule,
            steps=tuple(map(StepOutline.of, job.steps)),
            hooks=tuple(hook.trigger for hook in job.hooks),
            retention=job.retention,
        )

    def fired_by(self, triggers: frozenset[Trigger]) -> Sequence[Trigger]:
        """The hooks that these triggers fire, in the order in which their tasks are numbered."""
        return [trigger for trigger in self.hooks if trigger in triggers]
