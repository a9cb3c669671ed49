"""What goes over the wire in upstream's REST API, exact to the key.

Its clients build their objects with `Plan(**json)`, so an answer has all of these keys and no other. Of a
request unknown fields are ignored, and `type` may be the last part of the name alone.
"""

import uuid
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from karya.api.compat.periods import period_text
from karya.core.times import LATEST, Duration, to_millis

TYPE_NAMES = (
    "karya.core.entities.PlanType.OneTime",
    "karya.core.entities.PlanType.Recurring",
    "karya.core.entities.Action.RestApiRequest",
    "karya.core.entities.Action.SlackMessageRequest",
    "karya.core.entities.Action.EmailRequest",
    "karya.core.entities.Action.KafkaProducerRequest",
    "karya.core.entities.Action.ChainedRequest",
    "karya.core.entities.http.Body.EmptyBody",
    "karya.core.entities.http.Body.JsonBody",
)
"""The values of `type` in requests."""

MOST_RETRIES = 999
_LONG_NAMES = {name.rpartition(".")[2]: name for name in TYPE_NAMES}


def _long_name(value: Any) -> Any:
    if isinstance(value, dict) and isinstance(kind := value.get("type"), str):
        return {**value, "type": _LONG_NAMES.get(kind, kind)}
    return value


def checked_id(text: str) -> str:
    """The id in the form in which it is stored. Raises ValueError for what is no UUID."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError(
            "not an id: a UUID is needed, such as 01a209ab-7062-76a2-9e8d-ef72bfd85c6a"
        ) from None


Ident = Annotated[str, AfterValidator(checked_id)]
Millis = Annotated[int, Field(ge=0, lt=to_millis(LATEST))]
Period = Annotated[Duration, PlainSerializer(period_text, return_type=str)]
Retries = Annotated[int, Field(ge=0, le=MOST_RETRIES)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Protocol(StrEnum):
    HTTP = "HTTP"
    HTTPS = "HTTPS"


class Method(StrEnum):
    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


class Trigger(StrEnum):
    ON_FAILURE = "ON_FAILURE"
    ON_COMPLETION = "ON_COMPLETION"


class PlanStatus(StrEnum):
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class TaskStatus(StrEnum):
    CREATED = "CREATED"
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELLED = "CANCELLED"


class OneTime(_Wire):
    type: Literal["karya.core.entities.PlanType.OneTime"] = "karya.core.entities.PlanType.OneTime"


class Recurring(_Wire):
    type: Literal["karya.core.entities.PlanType.Recurring"] = "karya.core.entities.PlanType.Recurring"
    end_at: Millis | None = None


class EmptyBody(_Wire):
    type: Literal["karya.core.entities.http.Body.EmptyBody"] = "karya.core.entities.http.Body.EmptyBody"


class JsonBody(_Wire):
    type: Literal["karya.core.entities.http.Body.JsonBody"] = "karya.core.entities.http.Body.JsonBody"
    json_string: str


Body = Annotated[EmptyBody | JsonBody, Field(discriminator="type"), BeforeValidator(_long_name)]


class RestApiRequest(_Wire):
    """`base_url` is host[:port]/path; `timeout` is in milliseconds."""

    type: Literal["karya.core.entities.Action.RestApiRequest"] = "karya.core.entities.Action.RestApiRequest"
    protocol: Protocol = Protocol.HTTP
    base_url: str
    method: Method = Method.GET
    headers: dict[str, str] = {"content-type": "application/json"}
    body: Body = EmptyBody()
    timeout: Annotated[int, Field(ge=1, le=3_600_000)] = 2000


class SlackMessageRequest(_Wire):
    """`message` is a Block Kit array as JSON text."""

    type: Literal["karya.core.entities.Action.SlackMessageRequest"] = (
        "karya.core.entities.Action.SlackMessageRequest"
    )
    channel: str
    message: str


class EmailRequest(_Wire):
    type: Literal["karya.core.entities.Action.EmailRequest"] = "karya.core.entities.Action.EmailRequest"
    recipient: str
    subject: str
    message: str


class KafkaProducerRequest(_Wire):
    type: Literal["karya.core.entities.Action.KafkaProducerRequest"] = (
        "karya.core.entities.Action.KafkaProducerRequest"
    )
    key: str | None = None
    topic: str
    message: str


class ChainedRequest(_Wire):
    type: Literal["karya.core.entities.Action.ChainedRequest"] = "karya.core.entities.Action.ChainedRequest"
    request: "SubmitPlan"


Action = Annotated[
    RestApiRequest | SlackMessageRequest | EmailRequest | KafkaProducerRequest | ChainedRequest,
    Field(discriminator="type"),
    BeforeValidator(_long_name),
]
PlanType = Annotated[OneTime | Recurring, Field(discriminator="type"), BeforeValidator(_long_name)]


class Hook(_Wire):
    """`max_retry` counts the tries after the first, as `max_failure_retry` does."""

    trigger: Trigger
    action: Action
    max_retry: Retries = 3


class CreateUser(_Wire):
    name: str


class UserQuery(_Wire):
    username: str


class SubmitPlan(_Wire):
    user_id: Ident
    description: str
    period_time: Period
    plan_type: PlanType
    action: Action
    hooks: tuple[Hook, ...] = ()
    max_failure_retry: Retries = 3


class UpdatePlan(_Wire):
    """null leaves a thing as it is."""

    plan_id: Ident | None = None
    period_time: Period | None = None
    max_failure_retry: Retries | None = None
    hooks: tuple[Hook, ...] | None = None


class PlansQuery(_Wire):
    user_id: Ident
    page: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class User(_Wire):
    id: str
    name: str
    created_at: int


class Plan(_Wire):
    id: str
    user_id: str
    description: str
    period_time: Period
    type: PlanType
    status: PlanStatus
    max_failure_retry: int
    action: Action
    hook: tuple[Hook, ...]
    parent_plan_id: str | None
    created_at: int
    updated_at: int


class Task(_Wire):
    id: str
    plan_id: str
    partition_key: int
    status: TaskStatus
    created_at: int
    executed_at: int | None
    next_execution_at: int | None


class ExecutorErrorLog(_Wire):
    type: Literal["karya.core.entities.ErrorLogType.ExecutorErrorLog"] = (
        "karya.core.entities.ErrorLogType.ExecutorErrorLog"
    )
    task_id: str


class HookErrorLog(_Wire):
    type: Literal["karya.core.entities.ErrorLogType.HookErrorLog"] = (
        "karya.core.entities.ErrorLogType.HookErrorLog"
    )


class ErrorLog(_Wire):
    plan_id: str
    error: str
    type: ExecutorErrorLog | HookErrorLog
    timestamp: int


class PlanAnswer(_Wire):
    """`latest_task` is null only when the history of the plan has expired."""

    plan: Plan
    latest_task: Task | None


class SummaryAnswer(_Wire):
    plan: Plan
    tasks: tuple[Task, ...]
    error_logs: tuple[ErrorLog, ...]


class PlansAnswer(_Wire):
    """`offset` is the page that was asked for."""

    plans: tuple[Plan, ...]
    total: int
    offset: int
