"""A server on the real store, and whatever it told the scheduler."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from karya.actors.auditor import LedgerAuditor
from karya.actors.letters import Letters
from karya.actors.metrics import ServerMetrics, figures
from karya.actors.server import Server, reaching
from karya.core.action import Action, NoopAction, RestAction
from karya.core.chaining import SpecRules
from karya.core.ports import Clock
from karya.core.spec import JobSpec, spec_model
from karya.core.why import Crew
from karya.store.letters import MongoLetters
from tests.conformance.store.kit import StoreKit
from tests.support.held_clock import HeldClock
from tests.support.mongo import Mongo
from tests.support.pokes import Pokes

SPEC = spec_model([NoopAction, RestAction])


def spec(**fields: Any) -> JobSpec[Action]:
    """What a client wrote; does nothing unless told."""
    work = {} if "steps" in fields else {"action": {"type": "noop"}}
    return SPEC.model_validate({**work, **fields})


def every(seconds: float, **fields: Any) -> dict[str, Any]:
    """An interval, as a client writes it."""
    return {"kind": "interval", "every": f"PT{seconds}S", **fields}


def _runs(_: Action) -> str | None:
    return None


class Counter:
    """The server, its metrics, and the instants that it poked the scheduler with."""

    def __init__(
        self,
        kit: StoreKit,
        mongo: Mongo,
        *,
        clock: Clock | None = None,
        jobs: Any = None,
        refusal: Callable[[Action], str | None] = _runs,
        **probes: Any,
    ) -> None:
        self.kit = kit
        self.pokes = Pokes()
        self.counts = ServerMetrics()

        async def gather() -> Any:
            return [figures("server", self.counts.registry)]

        async def crew() -> Crew:
            return ()

        clock = clock or HeldClock(kit.time)
        letters = Letters(MongoLetters(mongo.asynchronous), kit.tasks, kit.error_logs, clock, self.pokes)
        self.server = Server(
            rules=SpecRules(SPEC, refusal),
            jobs=jobs or kit.jobs,
            tasks=kit.tasks,
            lifecycle=kit.lifecycle,
            history=kit.history,
            error_logs=kit.error_logs,
            looks=kit.looks,
            users=kit.users,
            letters=letters,
            auditor=LedgerAuditor(kit.ledger, kit.jobs, "scheduler"),
            clock=clock,
            metrics=self.counts,
            poke=self.pokes,
            probes=probes,
            gather=gather,
            crew=crew,
        )

    def says(self, name: str) -> float | None:
        """What a metric says."""
        return self.counts.registry.get_sample_value(name)


def waits_of(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Keeps the server from sleeping; returns where it notes for how long it would have."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(reaching, "asyncio", _Asyncio(sleep))
    return waits


class _Asyncio:
    """asyncio with another sleep."""

    def __init__(self, sleep: Any) -> None:
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)
