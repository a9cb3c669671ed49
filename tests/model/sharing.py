"""What a job shares with others, as the model knows it: limits by key, a name, its place in the queue."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from karya.core.limits import Concurrency, Rate

Gate = tuple[str | int | None, ...]
"""A limit: its kind, whose it is, its key, and of a rate the milliseconds of its period."""
SEAT = "seat"


@dataclass(frozen=True)
class Sharing:
    """A limit is a key and a number, of a rate also its period."""

    owner: str | None = None
    name: str | None = None
    priority: int = 5
    concurrency: tuple[str, int] | None = None
    rate: tuple[str, int, timedelta] | None = None

    @property
    def limits(self) -> Mapping[Gate, int]:
        """How many each of its limits allows."""
        found: dict[Gate, int] = {}
        if self.concurrency is not None:
            key, limit = self.concurrency
            found[SEAT, self.owner, key] = limit
        if self.rate is not None:
            key, limit, per = self.rate
            found["window", self.owner, key, per // timedelta(milliseconds=1)] = limit
        return found

    def of(self, owner: str | None) -> "Sharing":
        """The same, of another owner."""
        return replace(self, owner=owner)

    @property
    def nameless(self) -> "Sharing":
        """The same without a name."""
        return replace(self, name=None)

    def fields(self) -> Mapping[str, Any]:
        """What a client writes of it."""
        fields: dict[str, Any] = {"user_id": self.owner, "name": self.name, "priority": self.priority}
        if self.concurrency is not None:
            key, limit = self.concurrency
            fields["concurrency"] = Concurrency(key=key, limit=limit)
        if self.rate is not None:
            key, limit, per = self.rate
            fields["rate"] = Rate(key=key, limit=limit, per=per)
        return fields


def gate_of(ident: str) -> Gate:
    """The limit that is stored under this id."""
    return tuple(json.loads(ident))


def period(gate: Gate) -> timedelta:
    """That of a rate."""
    millis = gate[3]
    assert isinstance(millis, int)
    return timedelta(milliseconds=millis)
