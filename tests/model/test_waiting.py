"""Whoever stops a job waits by the clock of the model until what was claimed can no longer start."""

from collections.abc import Iterator

import pytest

from karya.actors.leases import START_FOR
from karya.core.task import START_WITHIN
from karya.core.times import MILLISECOND
from tests.model.simulation import Simulation, Step
from tests.model.steps.base import Pass
from tests.model.steps.clients import Cancel, PauseJob, Submit
from tests.model.steps.servers import Turn
from tests.model.steps.workers import Claim, Start
from tests.model.terms import Terms
from tests.model.world.databases import Databases
from tests.model.world.world import World


@pytest.fixture
def sim(databases: Databases) -> Iterator[Simulation]:
    sim = Simulation(World(databases))
    yield sim
    sim.abandon()


@pytest.mark.parametrize(("step", "answered"), [(Cancel(0), "cancelled"), (PauseJob(0), "paused")])
def test_it_is_not_answered_while_what_was_claimed_may_still_start(
    sim: Simulation, step: Step, answered: str
) -> None:
    for before in (Submit((Terms(),)), Turn(), Claim(0), step):
        sim.do(before)
    (book,) = sim.ledger.books.values()
    sim.do(Pass((START_FOR - MILLISECOND).total_seconds()))
    assert not getattr(book, answered)
    sim.do(Start(0))
    assert sim.ledger.starts == 1
    sim.do(Pass((START_WITHIN - START_FOR + MILLISECOND).total_seconds()))
    assert getattr(book, answered)
