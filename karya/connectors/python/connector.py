"""Calls a function in a task of its own, which is run elsewhere in the cluster."""

from collections.abc import Mapping
from typing import Any

import orjson

from karya.connectors.base import BaseConnector
from karya.connectors.python.action import PythonAction, Resources
from karya.connectors.python.call import Answer, Call, perform
from karya.connectors.python.settings import PythonSettings, is_allowed
from karya.core.errors import InvalidInput, Unavailable
from karya.core.outcome import Failure, Outcome, Success
from karya.core.ports import AttemptContext, RunRemote, Tools
from karya.core.times import format_instant

_PERFORM = f"{perform.__module__}:{perform.__qualname__}"
_PLACES = ("working_dir", "py_modules")


class PythonConnector(BaseConnector[PythonAction, PythonSettings]):
    """Never imports what jobs name: only the process of the call does."""

    action_type = PythonAction
    settings_type = PythonSettings

    def __init__(self, settings: PythonSettings) -> None:
        super().__init__(settings)
        self.needs_token = not settings.without_token
        self._run_remote: RunRemote | None = None

    async def open(self, tools: Tools) -> None:
        """Takes the way to run functions elsewhere."""
        self._run_remote = tools.run_remote

    def refusal(self, action: PythonAction) -> str | None:
        """A module that the settings do not allow, or an environment of its own."""
        if not is_allowed(action.module, self.settings.modules):
            allowed = ", ".join(self.settings.modules)
            return f"function: module {action.module} is not allowed: connectors.python.modules has {allowed}"
        if action.runtime_env is not None and not self.settings.runtime_env:
            return (
                "runtime_env: not allowed: leave it out, or let an operator set connectors.python.runtime_env"
            )
        return _no_place(action.runtime_env or {})

    async def run(self, action: PythonAction, context: AttemptContext) -> Outcome:
        """Success holds what the function returned. A process that dies is a failure like any other."""
        if self._run_remote is None:
            raise RuntimeError("this worker cannot run functions elsewhere")
        if reason := self.refusal(action):
            return Failure(reason, permanent=True, code="refused")
        call = Call(action.function, action.args, action.kwargs, told(context), self.settings.modules)
        try:
            answer: Answer = await self._run_remote(_PERFORM, [call], {}, options_of(action))
        except Unavailable as error:
            return Failure(str(error), code="process")
        except InvalidInput as error:
            return Failure(str(error), permanent=True, code="refused")
        return outcome_of(answer)


def told(context: AttemptContext) -> dict[str, Any]:
    """What a function may know of the attempt that calls it, as JSON."""
    return {
        "task_id": context.task_id,
        "job_id": context.job_id,
        "attempt": context.attempt,
        "token": context.token,
        "instant": format_instant(context.instant),
        "event": orjson.loads(context.event) if context.event else None,
    }


def options_of(action: PythonAction) -> dict[str, Any]:
    """The options of the Ray task."""
    resources: Resources = action.resources
    options: dict[str, Any] = {
        "name": action.function,
        "num_cpus": resources.num_cpus,
        "num_gpus": resources.num_gpus,
        "resources": resources.custom,
    }
    if resources.memory is not None:
        options["memory"] = resources.memory
    return options if action.runtime_env is None else {**options, "runtime_env": action.runtime_env}


def outcome_of(answer: Answer) -> Outcome:
    """The outcome that the answer of the process stands for."""
    if answer.error is None:
        return Success(orjson.loads(answer.result))
    return Failure(answer.error, permanent=answer.permanent, code=answer.code)


def _no_place(environment: Mapping[str, Any]) -> str | None:
    """Why the environment cannot be had: a path would be one on the machine of whichever worker runs it."""
    for name in _PLACES:
        value = environment.get(name)
        places = value if isinstance(value, list) else [] if value is None else [value]
        if any("://" not in str(place) for place in places):
            return (
                f"runtime_env: {name} must be a URI that every machine can read, such as s3://… or https://…"
            )
    return None
