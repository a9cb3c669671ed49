"""Composition, where several actors need the same. Which implementation stands behind which port of an actor,
and so what talks to what, is said in `server_parts.py`, `scheduler_parts.py` and `worker_parts.py`."""

from karya.actors.auditor import LedgerAuditor
from karya.actors.cluster.parts import traces_opener
from karya.connectors.registry import Connectors, load_connectors
from karya.connectors.rest.settings import private_by_default
from karya.core.ports import Resolve
from karya.core.ports.scheduling import SCHEDULER_LOCK
from karya.core.ports.traces import Traces
from karya.core.settings import LOOPBACK, Settings
from karya.store.provider import MongoStore


def dispatcher_endpoint(store: MongoStore) -> Resolve:
    """The leading scheduler publishes where its dispatcher listens in the lock that it holds."""

    async def resolve() -> str | None:
        holder = await store.directory.holder(SCHEDULER_LOCK)
        return holder.info.get("endpoint") if holder else None

    return resolve


def connectors_of(settings: Settings) -> Connectors:
    """The connectors as they are configured. What a gateway that serves loopback only is asked for may reach
    private targets; beyond it, they have to be allowed by name."""
    local = settings.gateway.host in LOOPBACK
    return load_connectors(private_by_default(settings.connectors, local))


def traces_of(settings: Settings, actor: str) -> Traces | None:
    """The traces of this actor's process; None when they are off. Raises ConfigError without the extra."""
    return traces_opener()(settings.traces, actor) if settings.traces.enabled else None


def auditor_of(store: MongoStore, *, rest: float = 0.0) -> LedgerAuditor:
    """Who proves the ledger of this store."""
    return LedgerAuditor(store.ledger, store.jobs, SCHEDULER_LOCK, rest=rest)
