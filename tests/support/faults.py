"""Connections that break at a chosen moment: after MongoDB has done the work, or before."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pymongo.errors import AutoReconnect


class BreakingCollection:
    """Stands in for a collection; the named operation is done, and its answer lost, so many times."""

    def __init__(self, real: Any, operation: str, times: int, *, done: bool, error: Exception) -> None:
        self._real = real
        self._operation = operation
        self._done = done
        self._error = error
        self.left = times

    def __getattr__(self, name: str) -> Any:
        if name != self._operation:
            return getattr(self._real, name)
        return self._break

    @property
    def delegate(self) -> Any:
        """The blocking collection behind it, which breaks likewise."""
        return _Blocking(self)

    async def _break(self, *args: Any, **kwargs: Any) -> Any:
        work = getattr(self._real, self._operation)
        if self.left == 0:
            return await work(*args, **kwargs)
        self.left -= 1
        if self._done:
            await work(*args, **kwargs)
        raise self._error


class _Blocking:
    def __init__(self, breaking: BreakingCollection) -> None:
        self._breaking = breaking

    def __getattr__(self, name: str) -> Any:
        breaking = self._breaking
        work = getattr(breaking._real.delegate, name)
        return partial(self._break, work) if name == breaking._operation else work

    def _break(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        breaking = self._breaking
        if breaking.left == 0:
            return work(*args, **kwargs)
        breaking.left -= 1
        if breaking._done:
            work(*args, **kwargs)
        raise breaking._error


def break_answers(
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    operation: str,
    times: int = 1,
    *,
    done: bool = True,
    error: Exception | None = None,
) -> BreakingCollection:
    """Makes the tasks collection of a repository break."""
    error = error or AutoReconnect("connection closed")
    broken = BreakingCollection(owner._tasks, operation, times, done=done, error=error)
    monkeypatch.setattr(owner, "_tasks", broken)
    return broken
