"""From upstream's requests to the wire form of native jobs: pure functions."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import orjson

from karya.api.compat.models import (
    Action,
    ChainedRequest,
    EmailRequest,
    Hook,
    JsonBody,
    KafkaProducerRequest,
    OneTime,
    PlanType,
    RestApiRequest,
    SlackMessageRequest,
    SubmitPlan,
    UpdatePlan,
)
from karya.core.errors import InvalidInput
from karya.core.schedule import Interval, Once, Schedule
from karya.core.times import format_duration, format_instant, from_millis
from karya.core.views import JobView

Wire = dict[str, Any]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_JSON_BY_DEFAULT = {"content-type": "application/json"}


def job_of(plan: SubmitPlan) -> Wire:
    """The job that a plan asks for."""
    return {
        "user_id": plan.user_id,
        "description": plan.description,
        "schedule": _schedule(plan.plan_type, plan.period_time),
        "action": _action(plan.action),
        "retry": _retry(plan.max_failure_retry),
        "hooks": list(map(_hook, plan.hooks)),
        "misfire": {"policy": "all", "window": None},
    }


def users_of(plan: SubmitPlan) -> Iterator[str]:
    """The users it names: its own, and those of the plans that it would chain."""
    yield plan.user_id
    if isinstance(plan.action, ChainedRequest):
        yield from users_of(plan.action.request)
    yield from users_of_hooks(plan.hooks)


def users_of_hooks(hooks: Iterable[Hook]) -> Iterator[str]:
    """The users of the plans that hooks would chain."""
    for hook in hooks:
        if isinstance(hook.action, ChainedRequest):
            yield from users_of(hook.action.request)


def changes_of(job: JobView, update: UpdatePlan) -> Wire:
    """What is to be changed of the job; empty when nothing is. Raises InvalidInput when its schedule has no
    period."""
    changes: Wire = {}
    if update.period_time is not None:
        changes["schedule"] = _with_period(job.schedule, update.period_time)
    if update.max_failure_retry is not None:
        changes["retry"] = job.retry.model_dump(mode="json") | _retry(update.max_failure_retry)
    if update.hooks is not None:
        changes["hooks"] = list(map(_hook, update.hooks))
    return changes


def _schedule(plan_type: PlanType, period: timedelta) -> Wire:
    if isinstance(plan_type, OneTime):
        return {"kind": "once", "after": format_duration(period)}
    end_at = None if plan_type.end_at is None else format_instant(from_millis(plan_type.end_at))
    return {"kind": "interval", "every": format_duration(period), "end_at": end_at}


def _with_period(schedule: Schedule, period: timedelta) -> Wire:
    written = schedule.model_dump(mode="json")
    match schedule:
        case Once():
            return written | {"at": None, "after": format_duration(period)}
        case Interval():
            return written | {"every": format_duration(period)}
        case _:
            raise InvalidInput.at("period_time", f"this plan runs by a {schedule.kind}, which has no period")


def _retry(retries: int) -> Wire:
    return {"max_attempts": retries + 1}


def _hook(hook: Hook) -> Wire:
    return {"trigger": hook.trigger, "action": _action(hook.action), "retry": _retry(hook.max_retry)}


def _action(action: Action) -> Wire:
    match action:
        case RestApiRequest():
            return _rest(action)
        case SlackMessageRequest():
            return {"type": "slack", "channel": action.channel, **_message(action.message)}
        case EmailRequest():
            return {
                "type": "email",
                "to": [action.recipient],
                "subject": action.subject,
                "text": action.message,
            }
        case KafkaProducerRequest():
            return {"type": "kafka", "topic": action.topic, "key": action.key, "value": action.message}
        case ChainedRequest():
            return {"type": "chain", "job": job_of(action.request)}


def _rest(action: RestApiRequest) -> Wire:
    whole = _SCHEME.match(action.base_url)
    url = action.base_url if whole else f"{action.protocol.lower()}://{action.base_url}"
    return {
        "type": "rest",
        "method": action.method,
        "url": url,
        "headers": _headers(action.headers),
        "body": action.body.json_string if isinstance(action.body, JsonBody) else None,
        "timeout": format_duration(timedelta(milliseconds=action.timeout)),
    }


def _headers(headers: Mapping[str, str]) -> Wire:
    """A body is JSON unless the client says otherwise; to the native action a text is plain text."""
    named = any(name.lower() == "content-type" for name in headers)
    return dict(headers) if named else {**_JSON_BY_DEFAULT, **headers}


def _message(message: str) -> Wire:
    """Block Kit as upstream has it, or else a plain text, which the clients' examples send."""
    try:
        blocks = orjson.loads(message)
    except ValueError:
        return {"text": message}
    return {"blocks": blocks} if isinstance(blocks, list | dict) else {"text": message}
