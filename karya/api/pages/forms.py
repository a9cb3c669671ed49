"""The form of a job: from its fields to what a client would send, and back.

Fields are named like those of the API, so that an error finds the field that it is about.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel

from karya.core.action import Action
from karya.core.errors import FieldError
from karya.core.policies import Misfire, Retention
from karya.core.pools import DEFAULT_POOL
from karya.core.priority import DEFAULT_PRIORITY
from karya.core.retry import RetryPolicy
from karya.core.spec import JobSpec
from karya.core.views import JobView

Values = dict[str, str]
"""The text in each field."""

KINDS = ("once", "interval", "cron", "rrule")
WORKS = ("rest", "action", "steps")
_OF_KIND = {
    "once": ("at", "after"),
    "interval": ("every",),
    "cron": ("expression", "timezone"),
    "rrule": ("rule", "timezone"),
}
_RECURRING = ("start_at", "end_at", "max_runs", "exclude")
_REST = ("method", "url", "body")
_OWN_DEFAULTS: Values = {
    "description": "",
    "name": "",
    "set": "",
    "user_id": "",
    "tags": "",
    "schedule.kind": "once",
    "schedule.at": "",
    "schedule.after": "",
    "schedule.every": "PT5M",
    "schedule.expression": "0 8 * * 1-5",
    "schedule.rule": "FREQ=DAILY;BYHOUR=8;BYMINUTE=0;BYSECOND=0",
    "schedule.timezone": "UTC",
    "schedule.jitter": "",
    "schedule.start_at": "",
    "schedule.end_at": "",
    "schedule.max_runs": "",
    "schedule.exclude": "",
    "work": "rest",
    "action.method": "GET",
    "action.url": "",
    "action.body": "",
    "action.more": "",
    "action": '{\n  "type": "noop"\n}',
    "steps": "",
    "hooks": "",
    "timeout": "",
    "pool": DEFAULT_POOL,
    "priority": str(DEFAULT_PRIORITY),
    "overlap": "allow",
    "concurrency.key": "",
    "concurrency.limit": "",
    "rate.key": "",
    "rate.limit": "",
    "rate.per": "",
}
LIMITS: Mapping[str, Sequence[str]] = {"concurrency": ("key", "limit"), "rate": ("key", "limit", "per")}
"""A job has these or it has not: where all of one is empty, it has none."""
POLICIES: Mapping[str, Any] = {"retry": RetryPolicy(), "misfire": Misfire(), "retention": Retention()}
_TEXTS = ("description", "name", "set", "user_id")
_NULLABLE = frozenset({"misfire.window", "retention.dead"})
"""Where an empty field says null, which is not the default."""
_INTEGERS = frozenset(
    {
        *("priority", "schedule.max_runs", "retry.max_attempts", "misfire.at_once"),
        *("concurrency.limit", "rate.limit"),
    }
)
_LISTS = frozenset({"tags", "schedule.exclude", "retry.retry_on"})


@dataclass(frozen=True, slots=True)
class Written:
    """What a form says: the job in its wire form, and what of it cannot be read at all."""

    wire: dict[str, Any]
    errors: tuple[FieldError, ...]


def fields() -> frozenset[str]:
    """All that an error can stand beside; "" is the form as a whole."""
    return frozenset({*blank(), "schedule", *POLICIES, *LIMITS, ""})


def blank() -> Values:
    """The fields of a job that is yet to be written."""
    return {**_OWN_DEFAULTS, **_policies({name: p.model_dump(mode="json") for name, p in POLICIES.items()})}


def sent(given: Mapping[str, list[str]]) -> Values:
    """The fields of a form that was sent; what it lacks is as in a new one."""
    new = blank()
    return {name: given[name][0].strip() if name in given else value for name, value in new.items()}


def written(values: Values) -> Written:
    """The job that these fields describe. Nothing is checked here but that JSON is JSON."""
    errors: list[FieldError] = []
    wire: dict[str, Any] = {"description": values["description"], "tags": _list(values["tags"])}
    wire |= {name: values[name] for name in ("name", "set", "user_id") if values[name]}
    wire["schedule"] = _schedule(values)
    wire |= _work(values, errors)
    wire |= {name: _policy(name, values) for name in POLICIES}
    wire |= {"timeout": values["timeout"] or None, "pool": values["pool"], "overlap": values["overlap"]}
    if values["priority"]:
        wire["priority"] = _value("priority", values)
    wire |= {name: _limit(name, values) for name in LIMITS}
    wire["hooks"] = _json("hooks", values, errors, default=[])
    return Written(wire, tuple(errors))


def placed(errors: Iterable[FieldError], values: Values) -> dict[str, list[str]]:
    """The errors by the field of the form beside which each belongs; "" where there is none."""
    found: dict[str, list[str]] = {}
    for error in errors:
        field = _field_of(error.field, values["work"])
        inner = error.field.removeprefix(field).removeprefix(".") if field else error.field
        text = f"{inner}: {error.message}" if inner else error.message
        found.setdefault(field, []).append(text)
    return found


def filled(wire: Mapping[str, Any]) -> Values:
    """The fields as they are for a job in its wire form, all of it given but what its actions leave out."""
    values = blank()
    values |= {name: wire[name] or "" for name in (*_TEXTS, "timeout", "pool", "overlap")}
    values["tags"] = " ".join(wire["tags"])
    values["priority"] = str(wire["priority"])
    values["schedule.kind"] = wire["schedule"]["kind"]
    for name, value in wire["schedule"].items():
        values[f"schedule.{name}"] = _text(value)
    if values["schedule.jitter"] == "PT0S":
        values["schedule.jitter"] = ""
    values |= _policies({name: wire[name] for name in POLICIES})
    for name in LIMITS:
        values |= {f"{name}.{field}": _text(value) for field, value in (wire[name] or {}).items()}
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


def _schedule(values: Values) -> dict[str, Any]:
    kind = values["schedule.kind"]
    names = ("jitter", *_OF_KIND.get(kind, ()), *(() if kind == "once" else _RECURRING))
    given = {name: _value(f"schedule.{name}", values) for name in names if values[f"schedule.{name}"]}
    return {"kind": kind, **given}


def _work(values: Values, errors: list[FieldError]) -> dict[str, Any]:
    match values["work"]:
        case "rest":
            action: dict[str, Any] = {"type": "rest", "method": values["action.method"]}
            action["url"] = values["action.url"]
            if values["action.body"]:
                action["body"] = _body(values["action.body"])
            more = _json("action.more", values, errors, default={})
            if not isinstance(more, dict):
                errors.append(FieldError("action.more", 'must be an object, such as {"headers": {…}}'))
                more = {}
            return {"action": {**action, **more}}
        case "steps":
            return {"steps": _json("steps", values, errors, default=[])}
        case _:
            return {"action": _json("action", values, errors, default=None)}


def _work_fields(wire: Mapping[str, Any]) -> Values:
    if "steps" in wire:
        return {"work": "steps", "steps": _pretty(wire["steps"])}
    action = wire["action"]
    if action.get("type") != "rest":
        return {"work": "action", "action": _pretty(action)}
    body = action.get("body")
    is_plain = isinstance(body, dict | list) or (isinstance(body, str) and _body(body) == body)
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


def _limit(name: str, values: Values) -> dict[str, Any] | None:
    given = {field: f"{name}.{field}" for field in LIMITS[name]}
    return {field: _value(full, values) for field, full in given.items() if values[full]} or None


def _policy(name: str, values: Values) -> dict[str, Any]:
    policy: dict[str, Any] = {}
    for field in type(POLICIES[name]).model_fields:
        full = f"{name}.{field}"
        if values[full]:
            policy[field] = _value(full, values)
        elif full in _NULLABLE:
            policy[field] = None
    return policy


def _policies(dumped: Mapping[str, Mapping[str, Any]]) -> Values:
    return {f"{name}.{field}": _text(v) for name, policy in dumped.items() for field, v in policy.items()}


def _value(name: str, values: Values) -> Any:
    text = values[name]
    if name in _LISTS:
        return _list(text)
    if name in _INTEGERS and text.isascii() and text.isdecimal() and len(text) < 17:
        return int(text)
    return text


def _list(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _text(value: Any) -> str:
    if value is None:
        return ""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _body(text: str) -> Any:
    """JSON where it is an object or a list, and otherwise the text itself."""
    try:
        value = orjson.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text


def _json(name: str, values: Values, errors: list[FieldError], default: Any) -> Any:
    if not values[name]:
        return default
    try:
        return orjson.loads(values[name])
    except ValueError as error:
        errors.append(FieldError(name, f"not JSON: {error}"))
        return default


def _field_of(path: str, work: str) -> str:
    """The field of the form that an error with this path is shown at."""
    known = fields()
    if path == "action" or path.startswith("action."):
        shown = {"rest": {f"action.{name}" for name in _REST}, "steps": {"steps"}}.get(work, {"action"})
        return path if path in shown else {"rest": "action.more", "steps": "steps"}.get(work, "action")
    while path and path not in known:
        path = path.rpartition(".")[0]
    return path
