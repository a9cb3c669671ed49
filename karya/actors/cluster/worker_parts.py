"""What a worker's actor is made of."""

from collections.abc import Mapping
from typing import Any

from karya.actors.cluster.ground import Ground
from karya.actors.cluster.host import Host, keep_time
from karya.actors.cluster.remote import RayTasks
from karya.actors.cluster.wiring import connectors_of, dispatcher_endpoint, traces_of
from karya.actors.metrics import WorkerMetrics
from karya.actors.reporter import Reporter
from karya.actors.submitter import Submitter
from karya.actors.worker import Worker
from karya.connectors.chain import spec_rules
from karya.connectors.registry import ConnectorRegistry
from karya.core.chaining import child_id
from karya.core.clock import SystemClock
from karya.core.ports import AttemptContext, Tools
from karya.queue.consumer import WorkerSocket
from karya.store.provider import MongoStore


class WorkerParts:
    """A worker with its socket and its connectors."""

    def __init__(self, name: str, owner: str, ground: Ground, pool: str) -> None:
        """`owner` is the name that no other incarnation has: leases are held under it."""
        settings = ground.settings
        connectors = connectors_of(settings)
        self.metrics = WorkerMetrics(connectors)
        self.traces = traces_of(settings, name)
        self.clock = SystemClock()
        self.store = MongoStore(settings.store, ground.url, self.metrics.round_trip)
        self.rules = spec_rules(connectors, settings.all_pools)
        self.connectors = ConnectorRegistry(connectors)
        self.ray_tasks = RayTasks()
        self.socket = WorkerSocket(
            settings.queue,
            owner,
            dispatcher_endpoint(self.store),
            self.clock.monotonic,
            pool=pool,
            keys=ground.keys,
        )
        self.submitter = Submitter(
            self.store.jobs,
            self.store.tasks,
            self.clock,
            connectors.refusal,
            self.socket.poke,
            max_depth=self.rules.max_depth,
        )
        reporter = Reporter(
            self.store.commits,
            self.store.jobs,
            self.store.slots,
            self.clock,
            self.metrics,
            self.socket.poke,
        )
        self.worker = Worker(
            owner=owner,
            settings=settings.worker.model_copy(update={"slots": settings.slots_of(pool)}),
            consumer=self.socket,
            claims=self.store.claims,
            reporter=reporter,
            actions=self.connectors,
            clock=self.clock,
            metrics=self.metrics,
            traces=self.traces,
        )

    async def open(self, host: Host) -> None:
        """Starts all of it."""
        tools = Tools(submit=self._submit, run_remote=self.ray_tasks.run, now=self.clock.now)
        await self.connectors.open_all(tools)
        await self.socket.start()
        host.keep(keep_time(self.store.measure, self.clock), "clock")
        host.keep(self.worker.keep_leases(), "leases")
        host.keep(self.worker.run(), "worker")

    async def close(self) -> None:
        """Drains the worker, then stops what `open` started."""
        await self.worker.drain()
        await self.socket.stop()
        await self.connectors.close_all()
        await self.ray_tasks.close()
        if self.traces is not None:
            await self.traces.close()

    async def _submit(self, job: Mapping[str, Any], context: AttemptContext) -> str:
        """Implements `Submit`. What a hook submits is no child of its job."""
        ident = child_id(context.task_id, context.instant)
        linked = context.event is None
        spec = self.rules.parsed(job)
        child = await self.submitter.submit(spec, context.job_id, ident, linked=linked, trace=context.trace)
        return child.id
