"""Stand-ins for motor."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

from tests.model.world.blocking import Blocking, BlockingClient
from tests.model.world.faults import COMMIT, Cut, Faults
from tests.model.world.stand import READS, WRITES, Stand


async def come_between(faults: Faults, session: Any) -> None:
    """Lets something else happen before an operation, if it is to. Outside of a transaction none begins
    beside it until that is over."""
    if meanwhile := faults.pauses(session):
        async with nullcontext() if session is not None else faults.alone:
            await meanwhile()


class Asynchronous(Stand):
    """A collection of motor."""

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name == "delegate":
            return Blocking(real, self._faults)
        if name in WRITES:
            return lambda *args, **options: self._write(name, real, *args, **options)
        if name == "find":
            return lambda *args, **options: Cursor(real(*args, **options), self._faults, options)
        if name in READS:
            return lambda *args, **options: self._read(real, *args, **options)
        return real

    async def _write(self, name: str, real: Any, *args: Any, **options: Any) -> Any:
        session = options.get("session")
        await come_between(self._faults, session)
        broken = self._faults.breaks(name, session)
        if broken is None:
            return await real(*args, **options)
        cut, error = broken
        if cut is Cut.AFTER:
            await real(*args, **options)
        elif cut is Cut.LATE:
            self._faults.keep(lambda: real(*args, **options))
        raise error

    async def _read(self, real: Any, *args: Any, **options: Any) -> Any:
        await come_between(self._faults, options.get("session"))
        return await real(*args, **options)


class Cursor:
    """A cursor of motor: it asks when it is read, not when it is made."""

    def __init__(self, real: Any, faults: Faults, options: dict[str, Any]) -> None:
        self._real, self._faults, self._session = real, faults, options.get("session")

    def __getattr__(self, name: str) -> Any:
        def chained(*args: Any, **options: Any) -> "Cursor":
            getattr(self._real, name)(*args, **options)
            return self

        return chained

    async def to_list(self, length: int | None) -> Any:
        """Asks, and reads all."""
        await come_between(self._faults, self._session)
        return await self._real.to_list(length)

    async def __aiter__(self) -> AsyncIterator[Any]:
        for document in await self.to_list(None):
            yield document


class AsynchronousClient(Stand):
    """A client of motor, as far as transactions go."""

    @property
    def delegate(self) -> BlockingClient:
        """The one of pymongo behind it."""
        return BlockingClient(self._real.delegate, self._faults)

    async def start_session(self) -> Any:
        """One whose commit may lose its answer. Of those that are asked for at once each begins when the one
        before has ended: chance would decide which of them meets a conflict."""
        alone = self._faults.alone
        await alone.acquire()
        session = await self._real.start_session()
        real, end = session.commit_transaction, session.end_session

        async def commit_transaction() -> None:
            if broken := self._faults.breaks(COMMIT, session):
                if broken[0] is Cut.AFTER:
                    await real()
                raise broken[1]
            await real()

        async def end_session() -> None:
            await end()
            alone.release()

        session.commit_transaction, session.end_session = commit_transaction, end_session
        return session
