"""`karya history`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from karya.cli.calls import gateway
from karya.cli.options import Cursor, DataDir, JobId, Json, Limit, Url
from karya.cli.output import wire
from karya.cli.sheets import CHANGES, SKIPS, All, Item, check_all, show_all, tell_more
from karya.cli.watching import EVERY, Every, Watch, shown

if TYPE_CHECKING:
    from karya.core.views import VersionsView


def history(
    job_id: JobId,
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: All = False,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show what was changed, paused, resumed and skipped of a job, the latest first."""
    check_all(everything, cursor, watch)
    with gateway(url, data_dir) as client:
        if everything:
            show_whole(client.version_pages(job_id), as_json=as_json)
        else:
            shown(
                lambda: wire(client.versions(job_id, cursor=cursor, limit=limit)),
                show,
                as_json=as_json,
                watch=watch,
                every=every,
            )


def show(page: Mapping[str, Any]) -> None:
    """A page: what was done, and what was skipped if anything was."""
    if page["changes"] or not page["skipped"]:
        CHANGES.show(page["changes"])
    if page["skipped"]:
        SKIPS.show(page["skipped"])
    tell_more(page)


def show_whole(pages: "Iterable[VersionsView]", *, as_json: bool) -> None:
    """The changes as they come; what was skipped comes along with them, and is a list of its own."""
    skipped: list[Item] = []

    def changes() -> Iterator[Item]:
        for page in map(wire, pages):
            skipped.extend(page["skipped"])
            yield from page["changes"]

    show_all(changes(), CHANGES, as_json=as_json)
    if skipped:
        show_all(skipped, SKIPS, as_json=as_json)
