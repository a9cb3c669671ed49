"""Which fields the form has, and what a new one says."""

from collections.abc import Mapping, Sequence
from typing import Any

from karya.api.pages.forms.durations import plain
from karya.api.pages.forms.kinds import Kinds
from karya.api.pages.forms.parts import LISTS, Values, blank_action, blank_part, numbers, renumbered
from karya.api.pages.forms.texts import clean
from karya.core.policies import DEFAULT_MISFIRE, DEFAULT_RETENTION
from karya.core.pools import DEFAULT_POOL
from karya.core.priority import DEFAULT_PRIORITY
from karya.core.retry import DEFAULT_RETRY

VIEWS = ("fields", "json")
"""A job is shown as fields, or as a whole as JSON."""

_OWN_DEFAULTS: Values = {
    "description": "",
    "name": "",
    "set": "",
    "user_id": "",
    "tags": "",
    "schedule.kind": "once",
    "schedule.at": "",
    "schedule.after": "",
    "schedule.every": "5 min",
    "schedule.expression": "0 8 * * 1-5",
    "schedule.rule": "FREQ=DAILY;BYHOUR=8;BYMINUTE=0;BYSECOND=0",
    "schedule.timezone": "UTC",
    "schedule.jitter": "",
    "schedule.start_at": "",
    "schedule.end_at": "",
    "schedule.max_runs": "",
    "schedule.exclude": "",
    "view": "fields",
    "json": "",
    "work": "action",
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
POLICIES: Mapping[str, Any] = {
    "retry": DEFAULT_RETRY,
    "misfire": DEFAULT_MISFIRE,
    "retention": DEFAULT_RETENTION,
}

DURATIONS = frozenset(
    {
        *("timeout", "schedule.every", "schedule.after", "schedule.jitter", "rate.per"),
        *("retry.delay", "retry.max_delay", "misfire.grace", "misfire.window"),
        *("retention.succeeded", "retention.other", "retention.dead"),
    }
)
"""Read and shown as people write them."""


def places(values: Values) -> frozenset[str]:
    """All that an error can stand beside; "" is the form as a whole."""
    if values["view"] == "json":
        return frozenset({"json", ""})
    parts = {f"{name}.{number}" for name in LISTS for number in numbers(values, name)}
    actions = {"action", *(f"{part}.action" for part in parts)}
    return frozenset({*values, *actions, *parts, *LISTS, "schedule", *POLICIES, *LIMITS, ""})


def blank(kinds: Kinds) -> Values:
    """The fields of a job that is yet to be written."""
    return job_blank() | blank_action("action", kinds.first, kinds)


def job_blank() -> Values:
    """The same without what it does."""
    policies = {name: p.model_dump(mode="json") for name, p in POLICIES.items()}
    return {**_OWN_DEFAULTS, **policy_fields(policies)}


def sent(given: Mapping[str, list[str]], kinds: Kinds) -> Values:
    """The fields of a form that was sent; what it lacks is as in a new one, without any steps and hooks."""
    said = {name: clean(texts[0]) for name, texts in given.items()}
    new = job_blank() | blank_action("action", said.get("action.type", kinds.first), kinds)
    for name in LISTS:
        found = numbers(said, name)
        said = renumbered(said, name, found)
        for number in range(len(found)):
            at = f"{name}.{number}"
            new |= blank_part(at, kinds, said.get(f"{at}.action.type", kinds.first))
    return {name: said.get(name, text) for name, text in new.items()}


def policy_fields(dumped: Mapping[str, Mapping[str, Any]]) -> Values:
    """The fields of these policies, each in the form that a model gives."""
    return {
        f"{name}.{field}": text_of(f"{name}.{field}", v)
        for name, policy in dumped.items()
        for field, v in policy.items()
    }


def text_of(field: str, value: Any) -> str:
    """How a plain value reads in its field."""
    if value is None:
        return ""
    if field in DURATIONS:
        return plain(value)
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
