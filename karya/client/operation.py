"""Operations are written once, as coroutines: what a client makes of them depends on its kind.

In an `Awaiting` client an operation is awaited, in a `Blocking` one it is called. Type checkers see the
difference: it is in the overloads of `__get__`.
"""

import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from karya.client.blocking import run

P = ParamSpec("P")
R = TypeVar("R")


class Awaiting:
    """A client whose operations are awaited."""


class Blocking:
    """A client whose operations block until they are done."""


class Operation(Generic[P, R]):
    """A method that gives one answer."""

    def __init__(self, function: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> None:
        self.awaited = function
        self.__doc__ = function.__doc__

        @functools.wraps(function)
        def blocking(client: Any, *args: P.args, **kwargs: P.kwargs) -> R:
            return run(function(client, *args, **kwargs))

        self.blocking = blocking

    @overload
    def __get__(self, client: None, kind: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[P, R]: ...
    @overload
    def __get__(self, client: Awaiting, kind: type) -> Callable[P, Coroutine[Any, Any, R]]: ...
    def __get__(self, client: Any, kind: type) -> Callable[..., Any]:
        """The method of this client, or the function of its class."""
        return _bound(self.blocking if issubclass(kind, Blocking) else self.awaited, client)


class Stream(Generic[P, R]):
    """A method that gives many things, one after the other, and asks for more of them as they are used up."""

    def __init__(self, function: Callable[Concatenate[Any, P], AsyncGenerator[R, None]]) -> None:
        self.awaited = function
        self.__doc__ = function.__doc__

        @functools.wraps(function)
        def blocking(client: Any, *args: P.args, **kwargs: P.kwargs) -> Generator[R, None, None]:
            return _each(function(client, *args, **kwargs))

        self.blocking = blocking

    @overload
    def __get__(self, client: None, kind: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[P, Generator[R, None, None]]: ...
    @overload
    def __get__(self, client: Awaiting, kind: type) -> Callable[P, AsyncGenerator[R, None]]: ...
    def __get__(self, client: Any, kind: type) -> Callable[..., Any]:
        """The method of this client, or the function of its class."""
        return _bound(self.blocking if issubclass(kind, Blocking) else self.awaited, client)


def _bound(function: Callable[..., Any], client: Any) -> Callable[..., Any]:
    return function if client is None else MethodType(function, client)


def _each(items: AsyncGenerator[R, None]) -> Generator[R, None, None]:
    async def following() -> R:
        return await anext(items)

    try:
        while True:
            try:
                item = run(following())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())
