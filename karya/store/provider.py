"""The `mongodb` provider: everything of this room that needs an event loop, put together for those who wire
the actors."""

from karya.core.clock import SystemClock
from karya.core.settings import StoreSettings
from karya.store.census import MongoCensus
from karya.store.changes import MongoHistory
from karya.store.claims import MongoClaims
from karya.store.client import async_database, in_time
from karya.store.clock import measure
from karya.store.commits import MongoCommits
from karya.store.directory import LockDirectory
from karya.store.errorlogs import MongoErrorLogs
from karya.store.events import MongoEventLog
from karya.store.jobs import MongoJobs
from karya.store.ledger import MongoLedger
from karya.store.letters import MongoLetters
from karya.store.lifecycle import MongoLifecycle
from karya.store.listening import RoundTrip
from karya.store.looks import MongoLooks
from karya.store.plans import MongoPlans
from karya.store.requests import MongoRequests
from karya.store.retention import MongoRetention
from karya.store.slots import MongoSlots
from karya.store.tallies import MongoTallies
from karya.store.tasks import MongoTasks
from karya.store.tokens import MongoTokens
from karya.store.users import MongoUsers


class MongoStore:
    """The store as servers and workers use it, inside an event loop."""

    def __init__(self, settings: StoreSettings, url: str, on_round_trip: RoundTrip | None = None) -> None:
        """`on_round_trip` is told of every command."""
        self._database = async_database(settings, url, on_round_trip)
        self.jobs = MongoJobs(self._database)
        self.tasks = MongoTasks(self._database)
        self.lifecycle = MongoLifecycle(self._database)
        self.history = MongoHistory(self._database)
        self.looks = MongoLooks(self._database)
        self.letters = MongoLetters(self._database)
        self.retention = MongoRetention(self._database)
        self.slots = MongoSlots(self._database)
        self.claims = MongoClaims(self._database)
        self.commits = MongoCommits(self._database)
        self.error_logs = MongoErrorLogs(self._database)
        self.users = MongoUsers(self._database)
        self.plans = MongoPlans(self._database)
        self.tokens = MongoTokens(self._database)
        self.requests = MongoRequests(self._database)
        self.ledger = MongoLedger(self._database)
        self.census = MongoCensus(self._database)
        self.tallies = MongoTallies(self._database)
        self.events = MongoEventLog(self._database)
        self.directory = LockDirectory(self._database)

    async def measure(self, clock: SystemClock) -> None:
        """Measures the offset of the database's clock; raises StoreUnavailable when it does not answer."""
        await measure(self._database, clock)

    async def ping(self) -> None:
        """Raises StoreUnavailable unless there is a primary that takes writes."""
        with in_time(self._database):
            await self._database.client.admin.command("ping")

    def close(self) -> None:
        """Closes the connections."""
        self._database.client.close()
