"""The pools of a staff, kept as large as their work wants them."""

from collections.abc import Mapping

import structlog

from karya.actors.cluster.sizing import PoolSize
from karya.actors.cluster.staff import Staff
from karya.actors.metrics import SupervisorMetrics
from karya.core.ports import PoolLoad

log = structlog.get_logger("karya.supervisor")


class Pools:
    """Adds workers to a staff, and retires them, from look to look."""

    def __init__(self, staff: Staff, metrics: SupervisorMetrics) -> None:
        self._staff = staff
        self._metrics = metrics
        settings = staff.charter.ground.settings
        quiet = settings.worker.shrink_after.total_seconds()
        self._sizes = {
            name: PoolSize(pool, pool.slots or settings.worker.slots, quiet)
            for name, pool in settings.all_pools.items()
        }

    @property
    def may_change(self) -> bool:
        """Whether the size of any pool depends on its load."""
        pools = self._staff.charter.ground.settings.all_pools.values()
        return any(pool.most > pool.count for pool in pools)

    def fit(self, loads: Mapping[str, PoolLoad], now: float) -> None:
        """Makes every pool as large as it should be. One of whose load nothing is known stays as it is,
        within its bounds."""
        for pool, size in self._sizes.items():
            present = len(self._staff.pool(pool))
            load = loads.get(pool)
            wanted = size.bounded(present) if load is None else size.wanted(present, load, now)
            if wanted != present:
                self._resize(pool, present, wanted)
                size.resized()
            self._metrics.workers.labels(pool).set(wanted)

    def _resize(self, pool: str, present: int, wanted: int) -> None:
        log.info("pool_resized", pool=pool, workers=wanted, before=present)
        for _ in range(present, wanted):
            self._staff.add(pool)
        for name in self._staff.pool(pool)[wanted:]:
            self._staff.retire(name)
