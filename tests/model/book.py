"""What the model keeps of one job."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.model.terms import Terms


@dataclass
class Book:
    """What the model keeps of one job."""

    created: datetime
    versions: dict[int, Terms]
    parent: str | None = None
    accounted: dict[datetime, str] = field(default_factory=dict)
    """Every instant that the schedule has left behind it, `made` or `skipped`: each once."""
    cancelled: bool = False
    """A cancel of it, or of an ancestor, was acknowledged."""
    paused: bool = False
    """A pause was acknowledged, and nobody asked since for it to go on."""
    redriven: bool = False
    since: datetime | None = None
    """When the latest schedule took the place of another: what was past by then is none of its instants."""

    over: bool = False
    """The latest schedule had no room for another instant when it came."""

    @property
    def terms(self) -> Terms:
        """The latest version."""
        return self.versions[max(self.versions)]

    @property
    def kept(self) -> timedelta:
        """How long history is kept at least."""
        return min(terms.kept or timedelta(days=7) for terms in self.versions.values())

    def unaccounted(self, after: datetime) -> datetime | None:
        """The first instant after this one that is not dealt with, however many the job may have."""
        following = self.terms.following(self.created, after)
        while following is not None and following in self.accounted:
            following = self.terms.following(self.created, following)
        return following

    def left(self, at: datetime, count: int) -> datetime | None:
        """The next instant behind this one, which was number `count`, that is not dealt with already."""
        most = self.terms.timing.max_runs
        is_full = self.over or (most is not None and count >= most)
        return None if is_full else self.unaccounted(max(at, self.since or at))

    def account(self, at: datetime, how: str) -> None:
        """An instant is dealt with."""
        assert at not in self.accounted, f"{at} was {self.accounted[at]} before it was {how}"
        self.accounted[at] = how
