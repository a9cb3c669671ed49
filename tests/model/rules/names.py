"""What names promise (decision 0052): of the live jobs of an owner no two have the same."""

from collections import Counter
from collections.abc import Mapping

from tests.model.ledger import Ledger
from tests.model.snapshot import LIVE, Snapshot
from tests.model.terms import Terms

Named = tuple[str | None, str]


def check(now: Snapshot) -> None:
    """What is stored."""
    live = [job for job in now.jobs.values() if job["status"] in LIVE and "name" in job]
    taken = Counter((job.get("user_id"), job["name"]) for job in live)
    twice = [named for named, times in taken.items() if times > 1]
    assert not twice, f"two live jobs are called {twice}"


def refused(ledger: Ledger, wanted: Mapping[str, Terms]) -> None:
    """A submission was refused: nothing of it is there (I1), and somebody has one of its names, or had it a
    moment ago."""
    assert not wanted.keys() & ledger.seen.jobs.keys(), f"refused, but stored: {wanted.keys()}"
    names = [named for terms in wanted.values() if (named := _named(terms)) is not None]
    rivals = {
        named
        for job_id, job in ledger.seen.jobs.items()
        if job["status"] in LIVE or job["updated_at"] >= ledger.now
        for terms in ledger.books[job_id].versions.values()
        if (named := _named(terms)) is not None
    }
    assert len(set(names)) < len(names) or rivals & set(names), f"refused, though nobody has any of {names}"
    ledger.moves["refused for its name"] += 1


def _named(terms: Terms) -> Named | None:
    shared = terms.sharing
    return None if shared.name is None else (shared.owner, shared.name)
