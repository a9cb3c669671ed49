"""A job as the fields of its form."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel

from karya.api.pages.forms.fields import LIMITS, POLICIES, Values, blank, policy_fields, text_of
from karya.api.pages.forms.reading import body_of
from karya.core.action import Action
from karya.core.spec import JobSpec
from karya.core.views import JobView

_TEXTS = ("description", "name", "set", "user_id")


def filled(wire: Mapping[str, Any]) -> Values:
    """The fields as they are for a job in its wire form, all of it given but what its actions leave out."""
    values = blank()
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
    values |= _work_fields(wire)
    values["hooks"] = _pretty(wire["hooks"]) if wire["hooks"] else ""
    return values


def wire_of(job: JobView) -> dict[str, Any]:
    """What a client wrote of the job."""
    wire = job.model_dump(mode="json", include=JobSpec.model_fields.keys() - {"action", "steps"})
    if job.action is not None:
        return {**wire, "action": job.action}
    return {**wire, "steps": [step.model_dump(mode="json") for step in job.steps]}


def slim(part: BaseModel) -> dict[str, Any]:
    """An action, a step or a hook as somebody would write it: without what is as it is by default. What is
    nested deeper is left as it is, for there a default may be missing from what tells its kind."""
    dumped = part.model_dump(mode="json")
    return {
        name: slim(value) if isinstance(value := getattr(part, name), Action) else dumped[name]
        for name, field in type(part).model_fields.items()
        if name == "type" or getattr(part, name) != field.get_default(call_default_factory=True)
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level fields that differ, both being in the form that a model gives."""
    return {name: value for name, value in after.items() if before.get(name) != value}


def _work_fields(wire: Mapping[str, Any]) -> Values:
    if "steps" in wire:
        return {"work": "steps", "steps": _pretty(wire["steps"])}
    action = wire["action"]
    if action.get("type") != "rest":
        return {"work": "action", "action": _pretty(action)}
    body = action.get("body")
    is_plain = isinstance(body, dict | list) or (isinstance(body, str) and body_of(body) == body)
    shown = {"type", "method", "url", *(("body",) if is_plain or body is None else ())}
    more = {name: value for name, value in action.items() if name not in shown}
    text = "" if body is None or not is_plain else body if isinstance(body, str) else _pretty(body)
    return {
        "work": "rest",
        "action.method": action.get("method", "GET"),
        "action.url": action.get("url", ""),
        "action.body": text,
        "action.more": _pretty(more) if more else "",
    }


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
