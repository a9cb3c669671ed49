"""The stored jobs of a cluster, as `apply`, `export` and `simulate` use them: the one place that asks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from karya.cli.calls import ask, job_path

if TYPE_CHECKING:
    from karya.core.views import CheckedView

AT_ONCE = 500
"""How many jobs one request is about."""

_LIVE = ("ACTIVE", "PAUSED")
_PAGE = "100"


@dataclass(frozen=True, slots=True)
class Stored:
    """Raises what `karya.cli.client.call` raises."""

    url: str | None
    data_dir: Path | None

    def check(self, specs: Sequence[Mapping[str, Any]]) -> "Sequence[CheckedView]":
        """What submitting each of these would come to."""
        from karya.core.views import CheckView

        found = ask(self.url, self.data_dir, "POST", "/v1/jobs/check", list(specs))
        return CheckView.model_validate(found).jobs

    def create(self, specs: Sequence[Mapping[str, Any]]) -> None:
        """Submits all of them, or none."""
        ask(self.url, self.data_dir, "POST", "/v1/jobs/batch", list(specs))

    def update(self, job_id: str, version: int, changes: Mapping[str, Any]) -> None:
        """Changes a job, if it is still at this version."""
        self._deed("PATCH", job_path(job_id), version, changes)

    def cancel(self, job_id: str, version: int) -> None:
        """Cancels a job, if it is still at this version."""
        self._deed("POST", f"{job_path(job_id)}/cancel", version, None)

    def live(self, **query: str | None) -> Iterator[Mapping[str, Any]]:
        """The jobs that match the query and have not ended, page by page."""
        for status in _LIVE:
            cursor: str | None = None
            while True:
                wanted = {**query, "status": status, "limit": _PAGE, "cursor": cursor}
                page = ask(self.url, self.data_dir, "GET", "/v1/jobs", query=wanted)
                yield from page["jobs"]
                if (cursor := page["next_cursor"]) is None:
                    break

    def summary(self, job_id: str) -> Mapping[str, Any]:
        """A job with its latest tasks."""
        found: Mapping[str, Any] = ask(self.url, self.data_dir, "GET", f"{job_path(job_id)}/summary")
        return found

    def _deed(self, method: str, path: str, version: int, body: Any) -> None:
        ask(self.url, self.data_dir, method, path, body, {"version": str(version)})
