"""Stand-ins for pymongo."""

from typing import Any

from tests.model.world.faults import COMMIT, Cut
from tests.model.world.stand import READS, WRITES, Stand


class Blocking(Stand):
    """A collection of pymongo."""

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name in WRITES:
            return lambda *args, **options: self._write(name, real, *args, **options)
        if name in READS or name == "aggregate":
            return lambda *args, **options: self._read(real, *args, **options)
        return real

    def _write(self, name: str, real: Any, *args: Any, **options: Any) -> Any:
        session = options.get("session")
        self._pause(session)
        if broken := self._faults.breaks(name, session):
            if broken[0] is Cut.AFTER:
                real(*args, **options)
            raise broken[1]
        return real(*args, **options)

    def _read(self, real: Any, *args: Any, **options: Any) -> Any:
        self._pause(options.get("session"))
        return real(*args, **options)

    def _pause(self, session: Any) -> None:
        if meanwhile := self._faults.pauses(session):
            self._faults.run(meanwhile())


class BlockingClient(Stand):
    """A client of pymongo, as far as transactions go."""

    def start_session(self) -> Any:
        """One whose commit may lose its answer."""
        session = self._real.start_session()
        real = session.commit_transaction

        def commit_transaction() -> None:
            if broken := self._faults.breaks(COMMIT, session):
                if broken[0] is Cut.AFTER:
                    real()
                raise broken[1]
            real()

        session.commit_transaction = commit_transaction
        return session
