"""A rolling restart, as somebody outside of the cluster asks for it."""

from pathlib import Path
from typing import Any

import ray

from karya.actors.cluster.names import SUPERVISOR
from karya.actors.cluster.ray_runtime import join_ray
from karya.actors.cluster.record import read_record
from karya.actors.cluster.rolling import Progress
from karya.core.errors import KaryaError, Unavailable
from karya.core.settings import Settings

_ANSWER_SECONDS = 15.0


class Restarting:
    """A line to the supervisor of the cluster that runs on a data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Raises ConfigError when none runs there, Unavailable when it has no supervisor."""
        record = read_record(data_dir)
        join_ray(record.ray_address, namespace=record.namespace, log_to_driver=False, logging_level="error")
        try:
            self._supervisor = ray.get_actor(SUPERVISOR)
        except ValueError as error:
            raise Unavailable(f"the cluster has no supervisor just now: {error}") from error

    def begin(self, everything: bool, settings: Settings | None) -> tuple[str, ...]:
        """Begins it; the names of those settings that will not be taken over. Raises Conflict while another
        one is under way."""
        names: tuple[str, ...] = self._ask(self._supervisor.restart.remote(everything, settings))
        return names

    def progress(self) -> Progress | None:
        """How far it has come; None before its first step."""
        progress: Progress | None = self._ask(self._supervisor.progress.remote())
        return progress

    def renew_supervisor(self) -> None:
        """Restarts the supervisor itself, which takes over from itself."""
        ray.kill(self._supervisor, no_restart=False)

    def _ask(self, reference: Any) -> Any:
        try:
            return ray.get(reference, timeout=_ANSWER_SECONDS)
        except ray.exceptions.RayTaskError as error:
            raise error.cause if isinstance(error.cause, KaryaError) else Unavailable(str(error)) from None
        except (ray.exceptions.RayError, TimeoutError) as error:
            raise Unavailable(f"the supervisor does not answer: {error}") from error
