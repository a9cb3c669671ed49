"""What only the clients of upstream's API need: lists by page number, and all that a finished job began."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from karya.core.job import Job


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """One page, and how many jobs there are on all of them."""

    jobs: Sequence[Job]
    total: int


class Plans(Protocol):
    """Jobs, as upstream's clients look at them."""

    async def page(self, user_id: str, number: int, size: int) -> NumberedPage:
        """The jobs of a user, the newest first; pages are numbered from 0. Unlike a cursor, a number points
        elsewhere once a job is added."""
