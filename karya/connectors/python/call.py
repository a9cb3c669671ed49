"""The call itself, in the process of a Ray task: data in, data out.

Nothing of the user's leaves this process but JSON: an exception, say, may be of a class that the
worker cannot import.
"""

import asyncio
import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import orjson

from karya.connectors.python.action import CONTEXT_NAME
from karya.connectors.python.settings import is_allowed
from karya.connectors.python.trace import trace_of

MAX_RESULT_BYTES = 64 * 1024
"""More than this is never kept (issue 3), so it does not travel."""

_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Call:
    """What to call, and which modules it may come from."""

    function: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    context: Mapping[str, Any]
    modules: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What it came to: a result as JSON text, or an error."""

    result: str = "null"
    error: str | None = None
    permanent: bool = False
    code: str = "error"


class Unfit(Exception):
    """No second try can mend it."""


def perform(call: Call) -> Answer:
    """Imports the module, calls the function and waits for it if it is async. Raises nothing but what stops
    the process (KeyboardInterrupt)."""
    try:
        function = _found(call.function, call.modules)
        args, kwargs = _bound(function, call)
    except Unfit as error:
        return Answer(error=str(error), permanent=True, code="function")
    except (Exception, SystemExit) as error:
        return _failed(error, f"importing {call.function}: ")
    try:
        value = _awaited(function(*args, **kwargs))
    except (Exception, SystemExit) as error:
        return _failed(error)
    return _succeeded(value)


def _found(name: str, modules: Sequence[str]) -> Callable[..., Any]:
    path, _, qualified = name.partition(":")
    found: Any = _imported(path)
    for part in qualified.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise Unfit(f"AttributeError: {error}") from None
        if isinstance(found, ModuleType):
            raise Unfit(f"{name}: {part} is a module: write {found.__name__}:NAME, if it is an allowed one")
    if not callable(found):
        raise Unfit(f"{name} is a {type(found).__name__} and cannot be called")
    _check_origin(found, name, modules)
    return found  # type: ignore[no-any-return]


def _imported(path: str) -> ModuleType:
    if path not in sys.modules:
        importlib.invalidate_caches()  # this process lives on, and the module may be new
    try:
        return importlib.import_module(path)
    except (ImportError, SyntaxError) as error:
        raise Unfit(f"{type(error).__name__}: {error}{trace_of(error)}") from None


def _check_origin(found: Any, name: str, modules: Sequence[str]) -> None:
    """An allowed module also holds what it imported from others, such as os.system."""
    origin = getattr(found, "__module__", None)
    if origin is None or not is_allowed(str(origin), modules):
        raise Unfit(
            f"{name} is defined in {origin}, which connectors.python.modules does not allow: "
            "wrap it in a function of an allowed module"
        )


def _bound(function: Callable[..., Any], call: Call) -> tuple[Sequence[Any], Mapping[str, Any]]:
    try:
        signature = inspect.signature(function)
    except ValueError:  # some that are written in C have none
        return call.args, call.kwargs
    wanted = signature.parameters.get(CONTEXT_NAME)
    given = {CONTEXT_NAME: call.context} if wanted is not None and wanted.kind in _BY_NAME else {}
    kwargs = {**call.kwargs, **given}
    try:
        signature.bind(*call.args, **kwargs)
    except TypeError as error:
        raise Unfit(f"{call.function}{signature}: {error}") from None
    return call.args, kwargs


def _awaited(value: Any) -> Any:
    async def wait(pending: Awaitable[Any]) -> Any:
        return await pending

    return asyncio.run(wait(value)) if inspect.isawaitable(value) else value


def _succeeded(value: Any) -> Answer:
    try:
        text = orjson.dumps(value).decode()
    except TypeError as error:
        message = f"it returned a {type(value).__name__} that is no JSON: {error}"
        return Answer(error=message, permanent=True, code="result")
    if len(text.encode()) > MAX_RESULT_BYTES:
        # The form in which a worker cuts results.
        cut = {"truncated": True, "bytes": len(text.encode()), "start": text[:4096]}
        text = orjson.dumps(cut).decode()
    return Answer(result=text)


def _failed(error: BaseException, doing: str = "") -> Answer:
    name = type(error).__name__
    return Answer(error=f"{doing}{name}: {_text(error)}{trace_of(error)}", code=f"exception.{name}"[:64])


def _text(error: BaseException) -> str:
    try:
        return str(error)[:2000]
    except Exception:
        return "an error that cannot be shown"
