"""The Python client: the server actor's methods as plain calls."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Unpack, cast

import ray

from karya.actors.cluster.handle_calls import REPEATABLE, Answer
from karya.actors.cluster.names import SERVER
from karya.actors.cluster.ray_runtime import join_ray
from karya.actors.cluster.record import read_record
from karya.core.errors import Unavailable
from karya.core.ids import new_id
from karya.core.keywords import AuditFilter, JobChanges, JobFilter, LetterFilter
from karya.core.settings import RaySettings, Settings
from karya.core.spec import Spec, wire_of
from karya.core.views import (
    AuditPage,
    AuditReport,
    BatchView,
    BulkView,
    CheckView,
    ErrorPage,
    JobPage,
    JobView,
    OccurrenceView,
    PreviewView,
    SummaryView,
    TaskPage,
    TaskStory,
    VersionsView,
    WhyView,
)
from karya.core.views.audit import merged

_CALL_SECONDS = 30.0
_PAUSE_SECONDS = 0.2


class Karya:
    """A cluster, as a Python program uses it. Calls block; errors are those of `karya.core.errors`."""

    def __init__(self, find_server: Callable[[], Any]) -> None:
        """`find_server` is asked now, and again when the server was replaced. Raises what that raises:
        Unavailable when there is none."""
        self._find_server = find_server
        self._server = find_server()

    def submit(self, spec: Spec, *, key: str | None = None) -> JobView:
        """Stores a job; when this returns, the job is durable. Raises InvalidInput, which names the field.

        With a `key` made by `karya.new_key()` it may be called again after an error: it is one job.
        """
        return JobView.model_validate_json(self._call("submit", spec=wire_of(spec), key=key))

    def submit_many(self, specs: Iterable[Spec], *, key: str | None = None) -> Sequence[str]:
        """Stores many jobs; returns their ids, in the order given. Raises InvalidInput, which names item and
        field (`3.schedule.every`), before any is stored."""
        wire = [wire_of(spec) for spec in specs]
        return BatchView.model_validate_json(self._call("submit_many", specs=wire, key=key)).ids

    def get(self, job_id: str) -> JobView:
        """One job. Raises NotFound."""
        return JobView.model_validate_json(self._call("get", job_id=job_id))

    def list(self, *, cursor: str | None = None, limit: int = 20, **query: Unpack[JobFilter]) -> JobPage:
        """A page of jobs, the newest first. Raises InvalidInput, which names the keyword."""
        return JobPage.model_validate_json(self._call("list", query=query, cursor=cursor, limit=limit))

    def tasks(self, job_id: str, *, cursor: str | None = None, limit: int = 20) -> TaskPage:
        """A page of the tasks of a job, the latest instant first. Raises NotFound."""
        return TaskPage.model_validate_json(self._call("tasks", job_id=job_id, cursor=cursor, limit=limit))

    def summary(self, job_id: str) -> SummaryView:
        """A job with its latest tasks, counts and errors. Raises NotFound."""
        return SummaryView.model_validate_json(self._call("summary", job_id=job_id))

    def why(self, job_id: str, *, cursor: str | None = None, limit: int = 20) -> WhyView:
        """What each open task of a job waits for: a page, the earliest instant first. Raises NotFound."""
        return WhyView.model_validate_json(self._call("why", job_id=job_id, cursor=cursor, limit=limit))

    def errors(self, job_id: str, *, cursor: str | None = None, limit: int = 20) -> ErrorPage:
        """A page of the failed attempts at the tasks of a job, the latest first. Raises NotFound."""
        return ErrorPage.model_validate_json(self._call("errors", job_id=job_id, cursor=cursor, limit=limit))

    def occurrences(self, job_id: str, limit: int = 10) -> PreviewView:
        """The next instants of a job. Raises NotFound."""
        return PreviewView.model_validate_json(self._call("occurrences", job_id=job_id, limit=limit))

    def preview(self, spec: Spec, limit: int = 10) -> PreviewView:
        """The first instants of a job that is not stored. Raises InvalidInput, which names the field."""
        return PreviewView.model_validate_json(self._call("preview", spec=wire_of(spec), limit=limit))

    def versions(self, job_id: str, *, cursor: str | None = None, limit: int = 20) -> VersionsView:
        """A page of what was changed, paused, resumed and skipped of a job, the latest first. Raises
        NotFound."""
        answer = self._call("versions", job_id=job_id, cursor=cursor, limit=limit)
        return VersionsView.model_validate_json(answer)

    def check(self, specs: Iterable[Spec]) -> CheckView:
        """What submitting each of these jobs would come to: its errors, or how it would read once stored."""
        return CheckView.model_validate_json(self._call("check", specs=[wire_of(spec) for spec in specs]))

    def cancel(self, job_id: str, *, version: int | None = None) -> JobView:
        """Cancels a job; when this returns, no further attempt of it starts. Raises NotFound, Conflict, and
        Outdated unless the job is at this `version`."""
        return JobView.model_validate_json(self._call("cancel", job_id=job_id, version=version))

    def pause(self, job_id: str) -> JobView:
        """Pauses a job; when this returns, nothing of it starts until it is resumed. Raises as `cancel`."""
        return JobView.model_validate_json(self._call("pause", job_id=job_id))

    def resume(self, job_id: str) -> JobView:
        """Resumes a paused job. Raises as `cancel`."""
        return JobView.model_validate_json(self._call("resume", job_id=job_id))

    def trigger(self, job_id: str, *, key: str | None = None) -> OccurrenceView:
        """Runs one occurrence now. Raises NotFound, and Conflict for a job that is paused or has ended."""
        return OccurrenceView.model_validate_json(self._call("trigger", job_id=job_id, key=key))

    def skip_next(self, job_id: str) -> OccurrenceView:
        """Skips the next occurrence. Raises NotFound, and Conflict when there is none."""
        return OccurrenceView.model_validate_json(self._call("skip_next", job_id=job_id))

    def update(self, job_id: str, *, version: int | None = None, **changes: Unpack[JobChanges]) -> JobView:
        """Changes a job: the fields that are given replace its own. Raises as `cancel`, and InvalidInput."""
        answer = self._call("update", job_id=job_id, changes=changes, version=version)
        return JobView.model_validate_json(answer)

    def task(self, task_id: str, *, cursor: str | None = None, limit: int = 20) -> TaskStory:
        """A task with a page of its failed attempts, the latest first. Raises NotFound."""
        return TaskStory.model_validate_json(self._call("task", task_id=task_id, cursor=cursor, limit=limit))

    def dead_letters(
        self, *, cursor: str | None = None, limit: int = 20, **query: Unpack[LetterFilter]
    ) -> TaskPage:
        """A page of dead letters, the latest first. Raises InvalidInput, which names the keyword."""
        answer = self._call("dead_letters", query=query, cursor=cursor, limit=limit)
        return TaskPage.model_validate_json(answer)

    def redrive(self, task_id: str) -> TaskStory:
        """Gives a dead letter a new set of attempts. Raises NotFound, Conflict."""
        return TaskStory.model_validate_json(self._call("redrive", task_id=task_id))

    def redrive_all(self, **query: Unpack[LetterFilter]) -> int:
        """Redrives all dead letters that match; how many. Raises as `dead_letters`."""
        return BulkView.model_validate_json(self._call("redrive_all", query=query)).count

    def discard(self, task_id: str) -> TaskStory:
        """Gives a dead letter up. Raises NotFound, Conflict."""
        return TaskStory.model_validate_json(self._call("discard", task_id=task_id))

    def discard_all(self, **query: Unpack[LetterFilter]) -> int:
        """Discards all dead letters that match; how many. Raises as `dead_letters`."""
        return BulkView.model_validate_json(self._call("discard_all", query=query)).count

    def audit(self, **query: Unpack[AuditFilter]) -> AuditReport:
        """Proves the ledger, page by page. Raises InvalidInput, NotFound."""
        pages: list[AuditPage] = []
        while not pages or pages[-1].next_cursor is not None:
            cursor = pages[-1].next_cursor if pages else None
            pages.append(AuditPage.model_validate_json(self._call("audit", query=query, cursor=cursor)))
        return merged(pages)

    def _call(self, method: str, **arguments: Any) -> bytes:
        answer = self._ask(method, {**arguments, **_traced()})
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
            except (ray.exceptions.ActorUnavailableError, ray.exceptions.ActorDiedError) as error:
                if isinstance(error, ray.exceptions.ActorDiedError):
                    self._look_again()
                if method not in REPEATABLE or time.monotonic() + _PAUSE_SECONDS > deadline:
                    raise Unavailable(f"the server actor restarts: {error}") from error
            except (ray.exceptions.RayError, TimeoutError) as error:
                raise Unavailable(f"the server actor does not answer: {error}") from error
            time.sleep(_PAUSE_SECONDS)

    def _look_again(self) -> None:
        """The server is dead for good; its supervisor makes another one of the same name."""
        with suppress(Unavailable):
            self._server = self._find_server()


def new_key() -> str:
    """A key for one submission or trigger: whoever calls again with it means the same one."""
    return new_id(datetime.now(UTC))


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
    return Karya(lambda: _server_in(namespace or RaySettings().namespace))


def _traced() -> Mapping[str, str]:
    """The span that is current in this program, as the headers that name it; a program that has not loaded
    OpenTelemetry by itself has none."""
    if "opentelemetry.trace" not in sys.modules:
        return {}
    from karya.telemetry.current import current

    trace = current()
    return {} if trace is None else trace.headers


def _server_in(namespace: str) -> Any:
    try:
        return ray.get_actor(SERVER, namespace=namespace)
    except ValueError as error:
        raise Unavailable(f"no Karya server runs there: {error}") from error
