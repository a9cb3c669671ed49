"""All that stands behind the gateway, in memory: what the gateway's own tests talk to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from karya.actors.accounts import Accounts
from karya.api.services import Services
from karya.core.clock import SystemClock
from karya.core.errors import Conflict
from karya.core.ids import new_id
from karya.core.ports import Page
from karya.core.ports.plans import NumberedPage
from karya.core.ports.requests import Answered, Fresh, Misused, Standing
from karya.core.user import Token, User, UserChange
from karya.core.views.overview import AtLeast, Counters, OverviewView, PoolStanding, WorkerLoad
from tests.support.memory_events import MemoryEvents
from tests.support.memory_service import MemoryService

T = TypeVar("T", User, Token)


def _page(stored: Iterable[T], cursor: str | None, limit: int) -> Page[T]:
    """By the ids, the newest first; the cursor is the last id seen."""
    newest_first = sorted(stored, key=lambda one: one.id, reverse=True)
    behind = [one for one in newest_first if cursor is None or one.id < cursor]
    return Page(behind[:limit], behind[limit - 1].id if len(behind) > limit else None)


@dataclass
class MemoryUsers:
    """Implements `UserRepository`."""

    stored: dict[str, User] = field(default_factory=dict)

    async def add(self, user: User) -> None:
        if any(other.name == user.name for other in self.stored.values()):
            raise Conflict(f"the name {user.name!r} is taken")
        self.stored[user.id] = user

    async def get(self, user_id: str) -> User | None:
        return self.stored.get(user_id)

    async def change(self, user_id: str, change: UserChange) -> User | None:
        if user_id in self.stored:
            self.stored[user_id] = self.stored[user_id].model_copy(update=change.model_dump())
        return self.stored.get(user_id)

    async def named(self, name: str) -> User | None:
        return next((user for user in self.stored.values() if user.name == name), None)

    async def list(self, *, cursor: str | None, limit: int) -> Page[User]:
        return _page(self.stored.values(), cursor, limit)


@dataclass
class MemoryTokens:
    """Implements `TokenRepository`."""

    stored: dict[str, Token] = field(default_factory=dict)

    async def add(self, token: Token) -> None:
        self.stored[token.id] = token

    async def find(self, digest: str, now: datetime) -> Token | None:
        found = (token for token in self.stored.values() if token.digest == digest)
        return next((t for t in found if t.expires_at is None or t.expires_at > now), None)

    async def of_user(self, user_id: str, *, cursor: str | None, limit: int) -> Page[Token]:
        return _page((t for t in self.stored.values() if t.user_id == user_id), cursor, limit)

    async def revoke(self, token_id: str) -> bool:
        return self.stored.pop(token_id, None) is not None

    async def any(self) -> bool:
        return bool(self.stored)


@dataclass
class MemoryRequests:
    """Implements `RequestLog`; `clear` forgets all."""

    begun: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    answers: dict[tuple[str, str], Answered] = field(default_factory=dict)

    async def begin(self, owner: str, key: str, fingerprint: str, now: datetime) -> Standing:
        first, minted = self.begun.setdefault((owner, key), (fingerprint, new_id(now)))
        if first != fingerprint:
            return Misused()
        return self.answers.get((owner, key), Fresh(minted))

    async def finish(self, owner: str, key: str, answer: Answered) -> None:
        self.answers[owner, key] = answer


@dataclass
class MemoryPlans:
    """Implements `Plans`."""

    service: MemoryService

    async def page(self, user_id: str, number: int, size: int) -> NumberedPage:
        owned = [job for job in reversed(self.service.jobs.values()) if job.user_id == user_id]
        return NumberedPage(owned[number * size :][:size], len(owned))


class MemoryOverview:
    """Implements `OverviewService`; it says of which users it was asked."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.view = OverviewView(
            at=datetime.now(UTC),
            scheduler="scheduler-1",
            leads=True,
            due=AtLeast(count=10_000, more=True),
            late=AtLeast(count=3),
            limited=AtLeast(count=5),
            limited_since=datetime.now(UTC) - timedelta(seconds=90),
            running=AtLeast(count=7),
            failed=AtLeast(count=2),
            active=AtLeast(count=6),
            paused=AtLeast(count=1),
            hour=tuple(AtLeast(count=n) for n in range(12)),
            pools=(PoolStanding(name="default", workers=1, running=7, free=93, waiting=4),),
            workers=(WorkerLoad(name="worker-1", pool="default", running=7, free=93),),
            counters=Counters(),
        )
        self.asked: list[str | None] = []

    async def overview(self, user_id: str | None, within: float = 0.0) -> OverviewView:
        self.asked.append(user_id)
        return self.view


class MemoryServices:
    """The services over all of these, and what is in them."""

    def __init__(self) -> None:
        self.jobs = MemoryService()
        self.users, self.tokens, self.requests = MemoryUsers(), MemoryTokens(), MemoryRequests()
        self.overview, self.events = MemoryOverview(), MemoryEvents()
        clock = SystemClock()
        accounts = Accounts(self.users, self.tokens, clock)
        self.services = Services(
            self.jobs, accounts, self.requests, clock, MemoryPlans(self.jobs), self.overview, self.events
        )

    def clear(self) -> None:
        """Forgets everything."""
        self.jobs.clear()
        self.overview.clear()
        for stored in (self.users.stored, self.tokens.stored, self.requests.begun, self.requests.answers):
            stored.clear()
        self.events.clear()
