"""Stand-ins for the driver's databases, which let `Faults` in before and after each operation."""

from typing import Any

from tests.model.world.asynchronous import Asynchronous, AsynchronousClient
from tests.model.world.blocking import Blocking, BlockingClient
from tests.model.world.faults import Faults


class FaultyDatabase:
    """A database of motor, or with `blocking` of pymongo."""

    def __init__(self, real: Any, faults: Faults, *, blocking: bool) -> None:
        self._real, self._faults = real, faults
        self._kind = Blocking if blocking else Asynchronous

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __getitem__(self, name: str) -> Any:
        return self._kind(self._real[name], self._faults)

    @property
    def database(self) -> Any:
        """The one to which this belongs, as of a collection: for the time-out of what is asked of it."""
        return self._real

    @property
    def client(self) -> Any:
        """For transactions."""
        client = self._real.client
        return (BlockingClient if self._kind is Blocking else AsynchronousClient)(client, self._faults)
