"""The `mongodb` provider for those who need no event loop."""

from karya.core.clock import SystemClock
from karya.core.settings import StoreSettings
from karya.store.admissions import MongoAdmissions
from karya.store.agenda import MongoAgenda
from karya.store.blocking import sync_database
from karya.store.blocking_clock import measure_blocking
from karya.store.indexes import prepare
from karya.store.limits import MongoLimits
from karya.store.listening import RoundTrip
from karya.store.locks import MongoLocks


class MongoBlockingStore:
    """The store as the scheduler's thread and the start-up use it."""

    def __init__(self, settings: StoreSettings, url: str, on_round_trip: RoundTrip | None = None) -> None:
        """`on_round_trip` is told of every command."""
        self._database = sync_database(settings, url, on_round_trip)
        self.agenda = MongoAgenda(self._database)
        self.admissions = MongoAdmissions(self._database)
        self.limits = MongoLimits(self._database)
        self.locks = MongoLocks(self._database)

    def prepare(self, owner: str) -> None:
        """Makes collections and indexes; raises StoreUnavailable when the database does not answer."""
        prepare(self._database, self.locks, owner)

    def measure(self, clock: SystemClock) -> None:
        """Measures the offset of the database's clock; raises StoreUnavailable when it does not answer."""
        measure_blocking(self._database, clock)

    def close(self) -> None:
        """Closes the connections."""
        self._database.client.close()
