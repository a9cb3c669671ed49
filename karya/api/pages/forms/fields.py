"""Which fields the form has, and what a new one says."""

from collections.abc import Mapping, Sequence
from typing import Any

from karya.api.pages.forms.durations import plain
from karya.core.policies import DEFAULT_MISFIRE, DEFAULT_RETENTION
from karya.core.pools import DEFAULT_POOL
from karya.core.priority import DEFAULT_PRIORITY
from karya.core.retry import DEFAULT_RETRY

Values = dict[str, str]
"""The text in each field."""

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


def fields() -> frozenset[str]:
    """All that an error can stand beside; "" is the form as a whole."""
    return frozenset({*blank(), "schedule", *POLICIES, *LIMITS, ""})


def blank() -> Values:
    """The fields of a job that is yet to be written."""
    return {
        **_OWN_DEFAULTS,
        **policy_fields({name: p.model_dump(mode="json") for name, p in POLICIES.items()}),
    }


def sent(given: Mapping[str, list[str]]) -> Values:
    """The fields of a form that was sent; what it lacks is as in a new one."""
    new = blank()
    return {name: given[name][0].strip() if name in given else value for name, value in new.items()}


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
