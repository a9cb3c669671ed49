"""Running functions elsewhere in the cluster, as Ray tasks."""

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError, TaskCancelledError, WorkerCrashedError

from karya.core.errors import InvalidInput, Unavailable

GRACE_SECONDS = 2.0
"""How long a function has to stop after a KeyboardInterrupt, before its process is killed."""


@ray.remote
def _call(function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)(*args, **kwargs)


class RayTasks:
    """Implements `RunRemote`. Ray tries nothing again: the task's own policy does (I6)."""

    def __init__(self) -> None:
        self._stopping: set[asyncio.Task[None]] = set()

    async def run(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Any:
        """See `RunRemote`. Raises InvalidInput for options that Ray refuses, Unavailable when the process of
        the function dies or never starts, and what the function itself raises."""
        try:
            reference = _call.options(max_retries=0, **options).remote(function, args, kwargs)
        except (TypeError, ValueError) as error:
            raise InvalidInput.at("", f"Ray refuses the task: {error}") from None
        try:
            return await reference
        except asyncio.CancelledError:
            self._stop(reference)
            raise
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            raise Unavailable(_told(error)) from None

    async def close(self) -> None:
        """Waits for what is being stopped."""
        await asyncio.gather(*self._stopping, return_exceptions=True)

    def _stop(self, reference: Any) -> None:
        task = asyncio.create_task(_end(reference), name="stop a Ray task")
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


async def _end(reference: Any) -> None:
    """Interrupts the function, and kills its process if that does not help."""
    ray.cancel(reference, force=False)
    _, late = await asyncio.to_thread(ray.wait, [reference], timeout=GRACE_SECONDS)
    if late:
        ray.cancel(reference, force=True)


def _told(error: RayError) -> str:
    """What Ray says, on one line and without its advice."""
    if isinstance(error, TaskCancelledError):
        return "the function was cancelled by somebody else"
    if isinstance(error, WorkerCrashedError):
        return "the process of the function died in mid-call"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[:600]}"
