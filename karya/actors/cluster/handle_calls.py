"""What travels between a Python client and the server actor: JSON in, JSON or an error as a value out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from karya.core.breaths import in_breaths
from karya.core.errors import FieldError, InvalidInput, KaryaError
from karya.core.fields import invalid
from karya.core.ports import JobService
from karya.core.queries import AuditQuery, Instants, JobQuery, LetterQuery, Paging
from karya.core.trace import caller, received
from karya.core.views import BatchView

_Arguments = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)
_Call = Callable[[JobService, _Arguments], Awaitable[BaseModel]]

REPEATABLE = frozenset(
    {
        "get",
        "list",
        "tasks",
        "summary",
        "task",
        "why",
        "errors",
        "versions",
        "occurrences",
        "preview",
        "check",
        "dead_letters",
        "audit",
        "cancel",
        "pause",
        "resume",
    }
)
"""Calls that may be made twice: a submit whose answer was lost may have stored its job."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to: the JSON of a view, or the error to raise."""

    json: bytes | None = None
    error: KaryaError | None = None


async def answer(service: JobService, method: str, arguments: dict[str, Any]) -> Answer:
    """Makes one call on the service, in the name of the span that `traceparent` and `tracestate` among its
    arguments name. Errors of the caller are values, so that Ray does not wrap them."""
    # Set in any case: what a call inherits is nobody's who made it.
    caller.set(received(arguments.get("traceparent", ""), arguments.get("tracestate")))
    call = METHODS.get(method)
    if call is None:
        return Answer(error=InvalidInput.at("method", f"there is no {method!r}"))
    try:
        view = await call(service, arguments)
    except KeyError as missing:
        return Answer(error=InvalidInput.at(str(missing.args[0]), "required"))
    except KaryaError as error:
        return Answer(error=error)
    return Answer(json=view.model_dump_json().encode())


async def _submit(service: JobService, given: _Arguments) -> BaseModel:
    return await service.submit(_model(service.spec_type, given["spec"]), key=given.get("key"))


async def _submit_many(service: JobService, given: _Arguments) -> BaseModel:
    specs = []
    async for number, spec in in_breaths(given["specs"]):
        try:
            specs.append(_model(service.spec_type, spec))
        except InvalidInput as error:
            raise InvalidInput(FieldError(f"{number}.{e.field}", e.message) for e in error.errors) from None
    ids = tuple(await service.submit_many(specs, key=given.get("key")))
    return BatchView(count=len(ids), ids=ids)


async def _list(service: JobService, given: _Arguments) -> BaseModel:
    return await service.list(_model(JobQuery, given["query"]), **_paging(given))


async def _preview(service: JobService, given: _Arguments) -> BaseModel:
    return await service.preview(_model(service.spec_type, given["spec"]), _instants(given))


async def _dead_letters(service: JobService, given: _Arguments) -> BaseModel:
    return await service.dead_letters(_model(LetterQuery, given["query"]), **_paging(given))


async def _audit(service: JobService, given: _Arguments) -> BaseModel:
    return await service.audit(_model(AuditQuery, given["query"]), cursor=_paging(given)["cursor"])


async def _redrive_all(service: JobService, given: _Arguments) -> BaseModel:
    return await service.redrive_all(_model(LetterQuery, given["query"]))


async def _discard_all(service: JobService, given: _Arguments) -> BaseModel:
    return await service.discard_all(_model(LetterQuery, given["query"]))


METHODS: Mapping[str, _Call] = {
    "submit": _submit,
    "submit_many": _submit_many,
    "list": _list,
    "preview": _preview,
    "dead_letters": _dead_letters,
    "audit": _audit,
    "redrive_all": _redrive_all,
    "discard_all": _discard_all,
    "get": lambda service, given: service.get(given["job_id"]),
    "tasks": lambda service, given: service.tasks(given["job_id"], **_paging(given)),
    "versions": lambda service, given: service.versions(given["job_id"], **_paging(given)),
    "errors": lambda service, given: service.errors(given["job_id"], **_paging(given)),
    "summary": lambda service, given: service.summary(given["job_id"]),
    "why": lambda service, given: service.why(given["job_id"], **_paging(given)),
    "check": lambda service, given: service.check(given["specs"]),
    "cancel": lambda service, given: service.cancel(given["job_id"], version=given.get("version")),
    "pause": lambda service, given: service.pause(given["job_id"]),
    "resume": lambda service, given: service.resume(given["job_id"]),
    "trigger": lambda service, given: service.trigger(given["job_id"], key=given.get("key")),
    "skip_next": lambda service, given: service.skip_next(given["job_id"]),
    "update": lambda service, given: service.update(
        given["job_id"], given["changes"], version=given.get("version")
    ),
    "occurrences": lambda service, given: service.occurrences(given["job_id"], _instants(given)),
    "task": lambda service, given: service.task(given["task_id"], **_paging(given)),
    "redrive": lambda service, given: service.redrive(given["task_id"]),
    "discard": lambda service, given: service.discard(given["task_id"]),
}
"""Every call that a Python client can make."""


def _paging(given: _Arguments) -> dict[str, Any]:
    """Which page, within the bounds that the gateway has too."""
    return dict(_model(Paging, {name: given[name] for name in ("cursor", "limit") if name in given}))


def _instants(given: _Arguments) -> int:
    return _model(Instants, {name: given[name] for name in ("limit",) if name in given}).limit


def _model(model: type[M], written: Any) -> M:
    try:
        return model.model_validate(written)
    except ValidationError as error:
        raise invalid(error, written, model) from None
