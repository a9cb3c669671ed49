"""The Python client: the server actor's methods as plain calls."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import ray

from karya.actors.cluster.handle_calls import REPEATABLE, Answer
from karya.actors.cluster.names import SERVER
from karya.actors.cluster.ray_runtime import join_ray
from karya.actors.cluster.record import read_record
from karya.core.action import Action
from karya.core.errors import Unavailable
from karya.core.job import JobSpec
from karya.core.settings import RaySettings, Settings
from karya.core.views import JobView, SummaryView

_CALL_SECONDS = 30.0
_PAUSE_SECONDS = 0.2


class Karya:
    """A cluster, as a Python program uses it. Calls block; errors are those of `karya.core.errors`."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def submit(self, spec: JobSpec[Action] | Mapping[str, Any]) -> JobView:
        """Stores a job; when this returns, the job is durable. Raises InvalidInput, which names the field."""
        if isinstance(spec, JobSpec):
            spec = spec.model_dump(mode="json")
        return JobView.model_validate_json(self._call("submit", spec=dict(spec)))

    def get(self, job_id: str) -> JobView:
        """One job. Raises NotFound."""
        return JobView.model_validate_json(self._call("get", job_id=job_id))

    def cancel(self, job_id: str) -> JobView:
        """Cancels a job; when this returns, no further attempt of it starts. Raises NotFound, Conflict."""
        return JobView.model_validate_json(self._call("cancel", job_id=job_id))

    def summary(self, job_id: str) -> SummaryView:
        """A job with its latest tasks, counts and errors. Raises NotFound."""
        return SummaryView.model_validate_json(self._call("summary", job_id=job_id))

    def _call(self, method: str, **arguments: Any) -> bytes:
        answer = self._ask(method, arguments)
        if answer.error is not None:
            raise answer.error
        return answer.json or b""

    def _ask(self, method: str, arguments: dict[str, Any]) -> Answer:
        """Asks again while the server restarts, unless the call may already have been answered by a deed."""
        deadline = time.monotonic() + _CALL_SECONDS
        while True:
            try:
                reference = self._server.call.remote(method, arguments)
                return cast(Answer, ray.get(reference, timeout=max(0.0, deadline - time.monotonic())))
            except ray.exceptions.ActorUnavailableError as error:
                if method not in REPEATABLE or time.monotonic() + _PAUSE_SECONDS > deadline:
                    raise Unavailable(f"the server actor restarts: {error}") from error
            except (ray.exceptions.RayError, TimeoutError) as error:
                raise Unavailable(f"the server actor does not answer: {error}") from error
            time.sleep(_PAUSE_SECONDS)


def connect(
    address: str | None = None, *, data_dir: str | Path | None = None, namespace: str | None = None
) -> Karya:
    """A handle on a running cluster.

    Inside a program that has joined Ray already, that Ray is used; else the one at `address`; else that
    of the cluster which runs on `data_dir` (default KARYA_DATA_DIR, else `.karya`) of this machine.
    Raises ConfigError when there is none, Unavailable when it has no server.
    """
    if not ray.is_initialized():
        if address is None:
            record = read_record(Path(data_dir or os.environ.get("KARYA_DATA_DIR") or Settings().data_dir))
            address, namespace = record.ray_address, namespace or record.namespace
        join_ray(address, namespace=namespace, log_to_driver=False, logging_level="error")
    try:
        return Karya(ray.get_actor(SERVER, namespace=namespace or RaySettings().namespace))
    except ValueError as error:
        raise Unavailable(f"no Karya server runs there: {error}") from error
