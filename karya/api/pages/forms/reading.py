"""What a form says, as the job that a client would send."""

from dataclasses import dataclass
from typing import Any

from karya.api.pages.forms import texts
from karya.api.pages.forms.durations import iso
from karya.api.pages.forms.fields import DURATIONS, LIMITS, POLICIES
from karya.api.pages.forms.kinds import Kinds
from karya.api.pages.forms.parts import Values, numbers, written_action, written_part
from karya.core.errors import FieldError

_OF_KIND = {
    "once": ("at", "after"),
    "interval": ("every",),
    "cron": ("expression", "timezone"),
    "rrule": ("rule", "timezone"),
}
_RECURRING = ("start_at", "end_at", "max_runs", "exclude")
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


def written(values: Values, kinds: Kinds) -> Written:
    """The job that these fields describe. Nothing is checked here but that JSON is JSON."""
    if values["view"] == "json":
        return _as_json(values["json"])
    errors: list[FieldError] = []
    wire: dict[str, Any] = {"description": values["description"], "tags": _list(values["tags"])}
    wire |= {name: values[name] for name in ("name", "set", "user_id") if values[name]}
    wire["schedule"] = _schedule(values)
    if values["work"] == "steps":
        wire["steps"] = _parts("steps", values, kinds, errors)
    else:
        wire["action"] = written_action("action", values, kinds, errors)
    wire |= {name: _policy(name, values) for name in POLICIES}
    wire |= {name: values[name] for name in ("pool", "overlap")}
    wire["timeout"] = _value("timeout", values) or None
    if values["priority"]:
        wire["priority"] = _value("priority", values)
    wire |= {name: _limit(name, values) for name in LIMITS}
    wire["hooks"] = _parts("hooks", values, kinds, errors)
    return Written(wire, tuple(errors))


def _as_json(text: str) -> Written:
    try:
        wire = texts.parsed(text)
        if isinstance(wire, dict):
            return Written(wire, ())
        raise ValueError("must be a JSON object: a job as for POST /v1/jobs")
    except ValueError as error:
        return Written({}, (FieldError("json", str(error)),))


def _parts(name: str, values: Values, kinds: Kinds, errors: list[FieldError]) -> list[dict[str, Any]]:
    return [written_part(f"{name}.{number}", values, kinds, errors) for number in numbers(values, name)]


def _schedule(values: Values) -> dict[str, Any]:
    kind = values["schedule.kind"]
    names = ("jitter", *_OF_KIND.get(kind, ()), *(() if kind == "once" else _RECURRING))
    given = {name: _value(f"schedule.{name}", values) for name in names if values[f"schedule.{name}"]}
    return {"kind": kind, **given}


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


def _value(name: str, values: Values) -> Any:
    text = values[name]
    if name in DURATIONS:
        return iso(text)
    if name in _LISTS:
        return _list(text)
    if name in _INTEGERS and text.isascii() and text.isdecimal() and len(text) < 17:
        return int(text)
    return text


def _list(text: str) -> list[str]:
    return text.replace(",", " ").split()
