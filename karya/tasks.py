"""Python functions as jobs: `@karya.task`, and `karya.schedule`.

A function is called by the `python` connector, in another process, so it is named by where it can be imported
from, and its arguments are JSON.
"""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, Unpack, overload

from karya.core.errors import FieldError, InvalidInput
from karya.core.keywords import Span, TaskOptions
from karya.core.times import format_duration, format_instant

P = ParamSpec("P")
R = TypeVar("R")

CONTEXT = "karya_context"
"""The parameter by which a function asks for what Karya knows about the attempt."""


class Submits(Protocol):
    """Whatever jobs can be handed to: `karya.connect()`, or another client."""

    def submit(self, spec: Mapping[str, Any]) -> Any:
        """Stores the job."""


@dataclass(eq=False)
class Task(Generic[P, R]):
    """A function that can also run as a job. Called, it is just the function."""

    function: Callable[P, R]
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of every job that it becomes."""
    connection: Submits | None = None
    """Where its jobs go; None: to the gateway at the environment's KARYA_URL, else to `karya.connect()`."""

    def __post_init__(self) -> None:
        functools.update_wrapper(self, self.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function, here and now."""
        return self.function(*args, **kwargs)

    def using(self, connection: Submits | None = None, **options: Unpack[TaskOptions]) -> "Task[P, R]":
        """The same function with other options: those of `task`."""
        merged = {**self.options, **job_fields(options)}
        return replace(self, options=merged, connection=connection or self.connection)

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Submits a job that calls the function once, now, with these arguments; gives what the connection
        answers. Raises InvalidInput for arguments that do not fit, and what the connection raises."""
        return self._connected().submit(self.spec(args, kwargs))

    delay = submit

    def schedule(
        self,
        *,
        every: Span | None = None,
        cron: str | None = None,
        rrule: str | None = None,
        at: datetime | str | None = None,
        timezone: str | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        connection: Submits | None = None,
        **options: Unpack[TaskOptions],
    ) -> Any:
        """Submits a job that calls the function as this says. See `karya.schedule`."""
        when = when_of(every=every, cron=cron, rrule=rrule, at=at, timezone=timezone)
        one = self.using(connection, **options)
        return one._connected().submit({**one.spec(args, kwargs or {}), "schedule": when})

    def spec(self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The job that one call with these arguments is. Raises InvalidInput, which names what is wrong."""
        given: Mapping[str, Any] = kwargs or {}
        name = importable_name(self)
        _check_fit(self.function, args, given)
        fields = dict(self.options)
        extra = {key: fields.pop(key) for key in ("resources", "runtime_env") if key in fields}
        call: dict[str, Any] = {"type": "python", "function": name, "args": list(args), "kwargs": {**given}}
        return {"description": name, **fields, "action": {**call, **extra}}

    def _connected(self) -> Submits:
        return self.connection or _default()


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *, connection: Submits | None = ..., **options: Unpack[TaskOptions]
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    connection: Submits | None = None,
    **options: Unpack[TaskOptions],
) -> Any:
    """Makes a function one that can run as a job: `@karya.task`, or with options `@karya.task(retries=3)`.

    `retries` is how often a failed call is tried again (or `retry`, the whole policy), `timeout` bounds each
    attempt; `resources` and `runtime_env` are those of the python action, and all other options fields of the
    job (`name`, `tags`, `pool`, `overlap`, …). Raises InvalidInput for a function that no other process could
    import.
    """

    def wrapped(inner: Callable[..., Any]) -> Task[..., Any]:
        _check_named(inner)
        return Task(inner, job_fields(options), connection)

    return wrapped if function is None else wrapped(function)


def schedule(
    function: Callable[..., Any],
    *,
    every: Span | None = None,
    cron: str | None = None,
    rrule: str | None = None,
    at: datetime | str | None = None,
    timezone: str | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    connection: Submits | None = None,
    **options: Unpack[TaskOptions],
) -> Any:
    """Submits a job that calls a function, or a task, with these arguments: `every` so often, by `cron` or
    `rrule` (in a `timezone`), or once `at` an instant; with none of these, once and now.

    The job goes to `connection`, which is anything with `submit(spec)`. The default is the gateway at the
    environment variable KARYA_URL (with the token KARYA_TOKEN), and without one `karya.connect()`; it is made
    once for the process. Options are those of `karya.task`. Gives what the connection answers, a JobView.
    Raises InvalidInput, which names what is wrong, before anything is sent, and what the connection raises.
    """
    one = function if isinstance(function, Task) else Task(function)
    return one.schedule(
        every=every,
        cron=cron,
        rrule=rrule,
        at=at,
        timezone=timezone,
        args=args,
        kwargs=kwargs,
        connection=connection,
        **options,
    )


def when_of(
    *,
    every: Span | None,
    cron: str | None,
    rrule: str | None,
    at: datetime | str | None,
    timezone: str | None,
) -> dict[str, Any]:
    """The schedule, in its wire form. Raises InvalidInput for more than one way to say when."""
    ways = {"every": every, "cron": cron, "rrule": rrule, "at": at}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise InvalidInput.at(given[1], f"give one of every, cron, rrule and at, not {' and '.join(given)}")
    zone = {} if timezone is None else {"timezone": timezone}
    if zone and given not in (["cron"], ["rrule"]):
        raise InvalidInput.at("timezone", "belongs to cron and rrule")
    if every is not None:
        return {"kind": "interval", "every": span(every, "every")}
    if cron is not None:
        return {"kind": "cron", "expression": cron, **zone}
    if rrule is not None:
        return {"kind": "rrule", "rule": rrule, **zone}
    if at is None:
        return {"kind": "once"}
    return {"kind": "once", "at": at if isinstance(at, str) else _aware(at)}


def job_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as fields of a job. Raises InvalidInput for those that the call itself gives."""
    fields = dict(options)
    for name in ("action", "steps", "schedule"):
        if name in fields:
            raise InvalidInput.at(name, "is what the function and the call say: leave it out")
    retries, retry = fields.pop("retries", None), fields.get("retry")
    if retries is not None and retry is not None:
        raise InvalidInput.at("retries", "give either retries or retry, not both")
    if retries is not None:
        fields["retry"] = {"max_attempts": retries + 1}
    if fields.get("timeout") is not None:
        fields["timeout"] = span(fields["timeout"], "timeout")
    return {name: value for name, value in fields.items() if value is not None}


def span(length: Span, field: str) -> str:
    """A length of time in ISO 8601. Raises InvalidInput for a negative one."""
    if isinstance(length, str):
        return length
    duration = length if isinstance(length, timedelta) else timedelta(seconds=length)
    if duration < timedelta(0):
        raise InvalidInput.at(field, "a duration is not negative")
    return format_duration(duration)


def importable_name(function: Callable[..., Any]) -> str:
    """`module:name`, by which another process finds the function, or the task. Raises InvalidInput for one
    that it could not find, or would find something else for."""
    inner = function.function if isinstance(function, Task) else function
    _check_named(inner)
    found: Any = sys.modules.get(inner.__module__)
    for part in inner.__qualname__.split("."):
        found = getattr(found, part, None)
    if isinstance(found, Task):
        found = found.function
    if found is not inner:
        raise InvalidInput.at(
            "function",
            f"{inner.__module__}.{inner.__qualname__} is another object by now: a decorator or a later "
            "definition has taken its name, and the process of the call would find that one",
        )
    return f"{inner.__module__}:{inner.__qualname__}"


def _check_named(function: Callable[..., Any]) -> None:
    """Raises InvalidInput for what cannot be told by module and name."""
    name, module = getattr(function, "__qualname__", None), getattr(function, "__module__", None)
    if not callable(function) or name is None or module is None:
        reason = f"{function!r} has no name in a module: write a function with def"
    elif inspect.ismethod(function) and not inspect.isclass(function.__self__):
        reason = f"{name} is a method of one object, which no other process has: write a function"
    elif "<lambda>" in name:
        reason = "a lambda has no name to import it by: write a function with def, in a module"
    elif "<locals>" in name:
        reason = f"{name} is defined inside a function: no other process can import it; move it to the module"
    elif module == "__main__":
        reason = (
            f"{name} is in the program that is run itself (__main__), which other processes know by no name: "
            "move it to a module and import it from there"
        )
    else:
        return
    raise InvalidInput.at("function", reason)


def _check_fit(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raises InvalidInput for arguments that the function does not take, or that are no JSON."""
    if CONTEXT in kwargs:
        raise InvalidInput.at(f"kwargs.{CONTEXT}", "is what Karya itself gives")
    signature = inspect.signature(function)
    context: dict[str, Any] = {CONTEXT: {}} if CONTEXT in signature.parameters else {}
    try:
        signature.bind(*args, **kwargs, **context)
    except TypeError as error:
        raise InvalidInput.at("args", f"{function.__qualname__}{signature}: {error}") from None
    errors = [*_no_json(args, "args"), *_no_json(kwargs, "kwargs")]
    if errors:
        raise InvalidInput(errors)


def _no_json(value: Any, place: str) -> list[FieldError]:
    match value:
        case None | bool() | int() | str():
            return []
        case float() if value - value == 0:
            return []
        case list() | tuple():
            return [error for n, below in enumerate(value) for error in _no_json(below, f"{place}.{n}")]
        case Mapping() if all(isinstance(key, str) for key in value):
            return [error for key, below in value.items() for error in _no_json(below, f"{place}.{key}")]
        case _:
            said = (
                f"{value!r:.60} is a {type(value).__name__}, which is no JSON: give a text, a number, a list…"
            )
            return [FieldError(place, said)]


def _aware(at: datetime) -> str:
    if at.tzinfo is None:
        raise InvalidInput.at("at", "a datetime without a timezone names no instant: give it a tzinfo")
    return format_instant(at)


@functools.cache
def _default() -> Submits:
    import karya

    url = os.environ.get("KARYA_URL")
    connection: Submits = karya.Client(url) if url else karya.connect()
    return connection
