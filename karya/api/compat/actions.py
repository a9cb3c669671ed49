"""Native actions, hooks and schedules in upstream's words: pure functions.

What upstream has no word for still has to parse in its clients; docs/reference/upstream-api.md says how it
reads.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import TypeAdapter

from karya.api.compat.models import (
    Action,
    ChainedRequest,
    EmailRequest,
    EmptyBody,
    Hook,
    JsonBody,
    KafkaProducerRequest,
    Method,
    OneTime,
    PlanType,
    Protocol,
    Recurring,
    RestApiRequest,
    SlackMessageRequest,
    SubmitPlan,
    Trigger,
)
from karya.core.action import RestAction
from karya.core.http_fields import encoded
from karya.core.retry import RetryPolicy
from karya.core.schedule import LONGEST_INTERVAL, Interval, Once, Schedule
from karya.core.times import EPOCH, MILLISECOND, to_millis

Wire = Mapping[str, Any]

_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)
_DEFAULT_SCHEDULE = {"kind": "once"}


def action_of(native: Wire | None, job_id: str, user_id: str) -> Action:
    """The action of this job. One that upstream does not have reads as a request for the job itself."""
    native = native or {}
    match native:
        case {"type": "rest"}:
            return _rest(RestAction.model_validate(native))
        case {"type": "slack", "channel": channel}:
            blocks = native.get("blocks")
            said = native.get("text") if blocks is None else blocks
            return SlackMessageRequest(channel=channel, message=_text(said))
        case {"type": "email", "to": [*to], "subject": subject}:
            said = native.get("text") or native.get("html")
            return EmailRequest(recipient=", ".join(to), subject=subject, message=_text(said))
        case {"type": "kafka", "topic": topic}:
            value = native.get("value")
            return KafkaProducerRequest(key=native.get("key"), topic=topic, message=_text(value))
        case {"type": "chain", "job": dict(job)}:
            return ChainedRequest(request=_request(job, job_id, user_id))
        case _:
            return RestApiRequest(base_url=f"/v1/jobs/{job_id}", headers={})


def hooks_of(hooks: Iterable[Wire], job_id: str, user_id: str) -> tuple[Hook, ...]:
    """Those whose trigger upstream knows."""
    return tuple(
        Hook(
            trigger=Trigger(hook["trigger"]),
            action=action_of(hook["action"], job_id, user_id),
            max_retry=_retries(hook),
        )
        for hook in hooks
        if hook["trigger"] in {trigger.value for trigger in Trigger}
    )


def plan_type_of(schedule: Schedule) -> PlanType:
    """Every schedule but `once` recurs."""
    if isinstance(schedule, Once):
        return OneTime()
    return Recurring(end_at=None if schedule.end_at is None else to_millis(schedule.end_at))


def period_of(schedule: Schedule, created_at: datetime) -> timedelta:
    """The wait for the only run, or between two; zero for a schedule that has no fixed one."""
    match schedule:
        case Once():
            return min(schedule.anchor(created_at) - created_at, LONGEST_INTERVAL)
        case Interval():
            return schedule.every
        case _:
            return timedelta(0)


def _rest(action: RestAction) -> RestApiRequest:
    scheme, _, base_url = action.url.partition("://")
    if action.query:
        base_url += f"{'&' if '?' in base_url else '?'}{encoded(action.query)}"
    body = encoded(action.form) if action.form is not None else action.body
    return RestApiRequest(
        protocol=Protocol(scheme.upper()),
        base_url=base_url,
        method=Method.GET if action.method == "HEAD" else Method(action.method),
        headers=action.headers,
        body=EmptyBody() if body is None else JsonBody(json_string=_text(body)),
        timeout=max(action.timeout // MILLISECOND, 1),
    )


def _request(job: Wire, job_id: str, user_id: str) -> SubmitPlan:
    """A chained job from its wire form, in which everything with a default may be missing."""
    schedule = _SCHEDULE.validate_python(job.get("schedule") or _DEFAULT_SCHEDULE)
    owner = job.get("user_id") or user_id
    return SubmitPlan(
        user_id=owner,
        description=job.get("description", ""),
        period_time=period_of(schedule, EPOCH),
        plan_type=plan_type_of(schedule),
        action=action_of(job.get("action"), job_id, owner),
        hooks=hooks_of(job.get("hooks", ()), job_id, owner),
        max_failure_retry=_retries(job),
    )


def _retries(written: Wire) -> int:
    return RetryPolicy.model_validate(written.get("retry") or {}).max_attempts - 1


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()
