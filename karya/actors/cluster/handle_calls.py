"""What travels between a Python client and the server actor: JSON in, JSON or an error as a value out."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from karya.core.errors import InvalidInput, KaryaError
from karya.core.fields import invalid
from karya.core.ports import JobService

REPEATABLE = frozenset({"get", "cancel", "summary"})
"""Calls that may be made twice: a submit whose answer was lost may have stored its job."""

METHODS = REPEATABLE | {"submit"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to: the JSON of a view, or the error to raise."""

    json: bytes | None = None
    error: KaryaError | None = None


async def answer(service: JobService, method: str, arguments: dict[str, Any]) -> Answer:
    """Makes one call on the service. Errors of the caller are values, so that Ray does not wrap them."""
    if method not in METHODS:
        return Answer(error=InvalidInput.at("method", f"there is no {method!r}"))
    try:
        if method == "submit":
            view: BaseModel = await service.submit(service.spec_type.model_validate(arguments["spec"]))
        else:
            view = await getattr(service, method)(arguments["job_id"])
    except ValidationError as error:
        return Answer(error=invalid(error, arguments.get("spec")))
    except KaryaError as error:
        return Answer(error=error)
    return Answer(json=view.model_dump_json().encode())
