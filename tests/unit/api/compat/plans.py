"""Requests as upstream's clients send them."""

from typing import Any

USER = "01a209ab-7026-7935-9a23-39f6869fac24"
ENTITIES = "karya.core.entities"
ONCE: dict[str, Any] = {"type": f"{ENTITIES}.PlanType.OneTime"}
REST: dict[str, Any] = {
    "type": f"{ENTITIES}.Action.RestApiRequest",
    "protocol": "HTTP",
    "base_url": "localhost:1234/x",
    "method": "POST",
    "headers": {"content-type": "application/json"},
    "body": {"type": f"{ENTITIES}.http.Body.JsonBody", "json_string": '{"a": 1}'},
    "timeout": 2000,
}
SLACK = {"type": f"{ENTITIES}.Action.SlackMessageRequest", "channel": "c", "message": '[{"type":"divider"}]'}
EMAIL = {
    "type": f"{ENTITIES}.Action.EmailRequest",
    "recipient": "ada@example.com",
    "subject": "s",
    "message": "m",
}
KAFKA = {"type": f"{ENTITIES}.Action.KafkaProducerRequest", "key": None, "topic": "t", "message": "m"}


def recurring(end_at: int | None = None) -> dict[str, Any]:
    """A plan type."""
    return {"type": f"{ENTITIES}.PlanType.Recurring", "end_at": end_at}


def submission(**fields: Any) -> dict[str, Any]:
    """What it takes to submit a plan."""
    return {
        "user_id": USER,
        "description": "d",
        "period_time": "PT7S",
        "plan_type": ONCE,
        "action": REST,
        "hooks": [],
        "max_failure_retry": 3,
    } | fields


def chained(**fields: Any) -> dict[str, Any]:
    """An action that submits a plan."""
    return {"type": f"{ENTITIES}.Action.ChainedRequest", "request": submission(**fields)}
