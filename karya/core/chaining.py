"""Jobs inside jobs: what a chained action holds, and what every job must satisfy beyond its form."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from karya.core.action import Action
from karya.core.errors import FieldError, InvalidInput
from karya.core.fields import MOST_ERRORS, invalid
from karya.core.filled import with_texts
from karya.core.ids import fixed_id
from karya.core.job import written
from karya.core.json_fields import bounded_body
from karya.core.pools import DEFAULT_POOL, no_such_pool
from karya.core.schedule import Once
from karya.core.spec import JobSpec

MAX_CHAINED_DEPTH = 2
"""How deep chained jobs nest unless the settings say otherwise (upstream's max_chained_depth)."""

_EXAMPLE = {"description": "what comes after", "action": {"type": "rest", "url": "https://example.com/next"}}


class ChainAction(Action):
    """Submits another job, written as for POST /v1/jobs. Success is that it is stored, not that it has ended.

    The job belongs to the owner of the one that submits it, and is its child: cancelling the parent
    cancels it (I8). The child of a hook has no parent. Its schedule counts from the instant of the task.
    """

    model_config = ConfigDict(title="Another job")

    type: Literal["chain"] = "chain"
    job: Annotated[dict[str, Any], AfterValidator(bounded_body), Field(examples=[_EXAMPLE])]
    """The job that is submitted, as JSON: an action or steps, and what else a job may have."""


def child_id(task_id: str, instant: datetime) -> str:
    """The id of the job that a task chains: every attempt has the same one, so none makes a second job."""
    return fixed_id(instant, "child", task_id)


def action_types_in(job: JobSpec[Action] | Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The types of all actions in a job, or in a change to one as a client wrote it, each with its field.

    Chained jobs are looked into. What has another form than a job should have is passed over: the model
    refuses it.
    """
    for field, kind, below in _parsed(job) if isinstance(job, JobSpec) else _written(job):
        if isinstance(kind, str):
            yield field, kind
        if isinstance(below, Mapping):
            yield from ((f"{field}.job.{inner}", kind) for inner, kind in action_types_in(below))


def _parsed(job: JobSpec[Action]) -> Iterator[tuple[str, Any, Any]]:
    for field, action in job.actions:
        yield field, action.type, action.job if isinstance(action, ChainAction) else None


def _written(job: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(action := job.get("action"), Mapping):
        yield "action", action.get("type"), action.get("job")
    for name in ("steps", "hooks"):
        holders = job.get(name)
        for number, holder in enumerate(holders if isinstance(holders, list | tuple) else ()):
            if isinstance(holder, Mapping) and isinstance(action := holder.get("action"), Mapping):
                yield f"{name}.{number}.action", action.get("type"), action.get("job")


def refused_at(where: str, action: Action, reason: str) -> FieldError:
    """What a connector says of the action at this field. It may begin with the field that is to blame."""
    field, colon, what = reason.partition(": ")
    if colon and field.partition(".")[0] in type(action).model_fields:
        return FieldError(f"{where}.{field}", what)
    return FieldError(where, reason)


@dataclass(frozen=True, slots=True)
class SpecRules:
    """What a job must satisfy beyond its form: its pools are there, all its actions can run here, those of
    chained jobs included; chained jobs are valid as a whole, nest at most `max_depth` deep, and with `strict`
    no step of a recurring job chains another one (upstream's strict_mode)."""

    spec_type: type[JobSpec[Action]]
    refusal: Callable[[Action], str | None]
    """Why an action cannot run with the settings of this cluster; None when it can."""
    max_depth: int = MAX_CHAINED_DEPTH
    strict: bool = True
    pools: Collection[str] = (DEFAULT_POOL,)
    """The pools of this cluster."""
    with_token: Collection[str] = ()
    """The types of actions that need a token even where no other request does."""

    def errors(self, spec: JobSpec[Action]) -> Sequence[FieldError]:
        """Each field that breaks a rule (`action.job.schedule.every`), at most 20."""
        return list(islice(self._errors(spec, "", 0), MOST_ERRORS))

    def parsed(self, job: Mapping[str, Any]) -> JobSpec[Action]:
        """The job of a chained action, checked again: templates may be filled in. Raises InvalidInput."""
        try:
            spec = self._filled_in(job)
        except ValidationError as error:
            raise invalid(error, job, self.spec_type) from None
        if errors := self.errors(spec):
            raise InvalidInput(errors)
        return spec

    def _filled_in(self, job: Mapping[str, Any]) -> JobSpec[Action]:
        try:
            return self.spec_type.model_validate(job)
        except ValidationError as error:
            return self.spec_type.model_validate(with_texts(error, deepcopy(job)))

    def needs_token(self, job: JobSpec[Action] | Mapping[str, Any]) -> tuple[str, str] | None:
        """The field and the type of the first action, in a job or a change as written, that needs a token."""
        return next((found for found in action_types_in(job) if found[1] in self.with_token), None)

    def _errors(self, spec: JobSpec[Action], prefix: str, depth: int) -> Iterator[FieldError]:
        for field, pool in spec.pools:
            if pool not in self.pools:
                yield FieldError(f"{prefix}{field}", no_such_pool(pool, self.pools))
        for field, action in spec.actions:
            where = f"{prefix}{field}"
            if reason := self.refusal(action):
                yield refused_at(where, action, reason)
            elif isinstance(action, ChainAction):
                of_hook = field.startswith("hooks.")
                yield from self._chain_errors(spec, action, where, depth + 1, of_hook)

    def _chain_errors(
        self, owner: JobSpec[Action], action: ChainAction, where: str, depth: int, of_hook: bool
    ) -> Iterator[FieldError]:
        if self.strict and not of_hook and not isinstance(owner.schedule, Once):
            yield FieldError(where, _RECURRING)
            return
        if depth > self.max_depth:
            yield FieldError(where, _too_deep(self.max_depth))
            return
        try:
            nested = self.spec_type.model_validate(action.job)
            written(nested)
        except ValidationError as error:
            yield from _below(where, invalid(error, action.job, self.spec_type))
        except InvalidInput as error:
            yield from _below(where, error)
        else:
            if nested.name is not None:
                yield FieldError(f"{where}.job.name", _NAMELESS)
            if nested.user_id not in (None, owner.user_id):
                yield FieldError(f"{where}.job.user_id", _HANDS)
            yield from self._errors(nested, f"{where}.job.", depth)


_RECURRING = (
    "a recurring job cannot chain another one, which would be submitted at each of its instants: put it "
    "into a hook, or let an operator set connectors.chain.strict to false"
)
_NAMELESS = (
    "leave it out: a chained job is submitted by each run, and two live jobs cannot have the same name"
)
_HANDS = "leave it out: a chained job belongs to the owner of the job that submits it"


def _too_deep(most: int) -> str:
    return (
        f"chained jobs nest at most {most} deep here: submit it as a job of its own, or let an operator "
        "raise connectors.chain.max_depth"
    )


def _below(where: str, error: InvalidInput) -> Iterator[FieldError]:
    for found in error.errors:
        yield FieldError(f"{where}.job.{found.field}" if found.field else f"{where}.job", found.message)
