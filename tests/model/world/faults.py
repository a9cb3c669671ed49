"""What can go wrong with the operations of one action, and what others may do between two of them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pymongo.errors import AutoReconnect, BulkWriteError, NetworkTimeout, PyMongoError, WriteConcernError

Meanwhile = Callable[[], Awaitable[None]]
Late = tuple[Any, Callable[[], Awaitable[object]]]
"""Who had sent it, and the request."""
COMMIT = "commit"
_NOT_RETRIED = frozenset({"update_many", "bulk_write"})
"""What the driver does not number: a request that was given up may still arrive."""


class Cut(Enum):
    """Where an answer is lost: before the work was done, after it, or before it is done much later."""

    BEFORE = "before"
    AFTER = "after"
    LATE = "late"


class Loss(Enum):
    """What the driver says of it."""

    CLOSED = "closed"
    SILENT = "silent"
    UNACKNOWLEDGED = "unacknowledged"


@dataclass(frozen=True)
class Fault:
    """The write number `at` of an action, and `more` behind it, lose their answers. Inside a transaction the
    driver is `told` that trying again may help, or not."""

    at: int
    cut: Cut
    loss: Loss
    more: int = 0
    told: bool = True


@dataclass(frozen=True)
class Pause:
    """Before operation number `at` of an action, something else happens."""

    at: int
    meanwhile: Meanwhile


class Faults:
    """Counts the operations of an action and breaks those that it is told to."""

    def __init__(self) -> None:
        self.late: list[Late] = []
        self.sender: Callable[[], Any] = lambda: None
        self.injected: Counter[Cut] = Counter()
        self.interrupted = 0
        self.wrote = False
        """Whether anything was written since somebody looked."""
        self.run: Callable[[Awaitable[None]], object] = lambda _: None
        """How a blocking caller lets something asynchronous happen."""
        self.alone = asyncio.Lock()
        """Who has it may write in transactions; whoever comes in between has one of its own."""
        self._fault: Fault | None = None
        self._pause: Pause | None = None
        self._writes = self._operations = 0
        self._dirty: set[int] = set()
        """The sessions whose transactions have written."""

    def arm(self, fault: Fault | None, pause: Pause | None = None) -> None:
        """From here on, for one action."""
        self._fault, self._pause = fault, pause
        self._writes = self._operations = 0
        self._dirty = set()

    @property
    def troubles(self) -> int:
        """How often anything was broken, or somebody came in between."""
        return self.injected.total() + self.interrupted

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """What happens meanwhile is neither counted nor broken."""
        kept = self._fault, self._pause, self._writes, self._operations, self._dirty
        alone, self.alone = self.alone, asyncio.Lock()
        self.arm(None)
        yield
        self._fault, self._pause, self._writes, self._operations, self._dirty = kept
        self.alone = alone

    def keep(self, request: Callable[[], Awaitable[object]]) -> None:
        """This one arrives later."""
        self.late.append((self.sender(), request))

    def disarm(self) -> None:
        """The action has ended, or waits."""
        self._fault = self._pause = None

    def pauses(self, session: Any) -> Meanwhile | None:
        """What happens before this operation. Nothing does once a transaction has written: others would wait
        for its locks, and it for them. Nor does anything while one is under way beside this operation: it
        would go on meanwhile, and its commit would be taken for that of whatever happens."""
        self._operations += 1
        pause = self._pause
        if pause is None or self._operations < pause.at or id(session) in self._dirty:
            return None
        if session is None and self.alone.locked():
            return None
        self._pause = None
        self.interrupted += 1
        return pause.meanwhile

    def breaks(self, operation: str, session: Any) -> tuple[Cut, PyMongoError] | None:
        """Whether this write loses its answer, and how."""
        if session is not None:
            self._dirty.add(id(session))
        self._writes += 1
        self.wrote = True
        fault = self._fault
        if fault is None or not fault.at <= self._writes <= fault.at + fault.more:
            return None
        cut = Cut.AFTER if fault.loss is Loss.UNACKNOWLEDGED else fault.cut
        if cut is Cut.LATE and (session is not None or operation not in _NOT_RETRIED):
            cut = Cut.BEFORE
        self.injected[cut] += 1
        return cut, _error(fault, operation, inside=session is not None)


def _error(fault: Fault, operation: str, *, inside: bool) -> PyMongoError:
    labels: list[str] = []
    if inside and fault.told:
        labels = ["UnknownTransactionCommitResult" if operation == COMMIT else "TransientTransactionError"]
    details = {"errorLabels": labels}
    unacknowledged = {"code": 64, "errmsg": "waiting for replication timed out"}
    match fault.loss:
        case Loss.UNACKNOWLEDGED if operation == "bulk_write" and not inside:
            return BulkWriteError({"writeErrors": [], "writeConcernErrors": [unacknowledged]})
        case Loss.UNACKNOWLEDGED if operation == COMMIT or not inside:
            return WriteConcernError("waiting for replication timed out", 64, {**unacknowledged, **details})
        case Loss.SILENT:
            return NetworkTimeout("timed out", details)
        case _:
            return AutoReconnect("connection closed", details)
