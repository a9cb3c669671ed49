"""A job as the fields of its form."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from karya.api.pages.forms import texts
from karya.api.pages.forms.fields import LIMITS, POLICIES, blank, job_blank, policy_fields, text_of
from karya.api.pages.forms.kinds import Kinds
from karya.api.pages.forms.parts import LISTS, Values, action_values, blank_action, part_values
from karya.core.action import Action
from karya.core.hook import HookSpec
from karya.core.spec import JobSpec
from karya.core.steps import StepSpec
from karya.core.views import JobView

_TEXTS = ("description", "name", "set", "user_id")


def filled(wire: Mapping[str, Any], kinds: Kinds) -> Values:
    """The fields as they are for a job in its wire form, all of it given but what its parts leave out."""
    values = job_blank()
    values |= {name: wire[name] or "" for name in (*_TEXTS, "pool", "overlap")}
    values["timeout"] = text_of("timeout", wire["timeout"])
    values["tags"] = " ".join(wire["tags"])
    values["priority"] = str(wire["priority"])
    values["schedule.kind"] = wire["schedule"]["kind"]
    for name, value in wire["schedule"].items():
        values[f"schedule.{name}"] = text_of(f"schedule.{name}", value)
    if values["schedule.jitter"] == "0 s":
        values["schedule.jitter"] = ""
    values |= policy_fields({name: wire[name] for name in POLICIES})
    for name in LIMITS:
        given = {f"{name}.{field}": value for field, value in (wire[name] or {}).items()}
        values |= {field: text_of(field, value) for field, value in given.items()}
    if wire.get("steps"):
        values |= {"work": "steps", **blank_action("action", kinds.first, kinds)}
    else:
        values |= action_values("action", wire["action"], kinds)
    for name in LISTS:
        for number, part in enumerate(wire.get(name, ())):
            values |= part_values(f"{name}.{number}", part, kinds)
    return values


def as_json(wire: Mapping[str, Any], kinds: Kinds) -> Values:
    """The form that shows a job as JSON."""
    return {**blank(kinds), "view": "json", "json": texts.pretty(wire)}


def wire_of(job: JobView) -> dict[str, Any]:
    """What a client wrote of the job."""
    wire = job.model_dump(mode="json", include=JobSpec.model_fields.keys() - {"action", "steps"})
    if job.action is not None:
        return {**wire, "action": job.action}
    steps = [step.model_dump(mode="json") for step in job.steps]
    return {**wire, "steps": [{k: v for k, v in step.items() if v is not None} for step in steps]}


def slim(part: BaseModel) -> dict[str, Any]:
    """A job, an action, a step or a hook as somebody would write it: without what is as it is by default.
    What is nested deeper is left as it is, for there a default may be missing from what tells its kind."""
    dumped = part.model_dump(mode="json")
    return {
        name: _slim_parts(getattr(part, name), dumped[name])
        for name, field in type(part).model_fields.items()
        if name == "type" or getattr(part, name) != field.get_default(call_default_factory=True)
    }


def _slim_parts(value: Any, dumped: Any) -> Any:
    if isinstance(value, Action):
        return slim(value)
    if isinstance(value, tuple) and all(isinstance(one, StepSpec | HookSpec) for one in value):
        return [slim(one) for one in value]
    return dumped


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level fields that differ, both being in the form that a model gives."""
    return {name: value for name, value in after.items() if before.get(name) != value}
