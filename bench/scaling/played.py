"""Simulations that several tables go by, each played once."""

from functools import cache

from bench.scaling.costs import Costs
from bench.scaling.deployment import Deployment
from bench.scaling.ground import Result
from bench.scaling.simulation import Simulation

_DRAINED = 20_000


def settled(cluster: Deployment, costs: Costs, a_scheduler: int = 15_000) -> float:
    """Tasks a second, from a backlog that is long enough for what the cluster consists of."""
    return _drained(cluster, costs, _DRAINED + a_scheduler * cluster.schedulers).settled_rate


def drained(cluster: Deployment, costs: Costs, tasks: int = _DRAINED) -> float:
    """The same with its beginning and its end, as it is measured."""
    return _drained(cluster, costs, tasks).rate


@cache
def _drained(cluster: Deployment, costs: Costs, tasks: int) -> Result:
    return Simulation(cluster, costs).drain(tasks)


@cache
def loaded(cluster: Deployment, costs: Costs, rate: float, seconds: float, lists: float = 0.0) -> Result:
    """So many fall due a second, and so many pages of a list are read."""
    return Simulation(cluster, costs).at(rate, seconds, lists)


def rounded(rate: float) -> str:
    """To three digits: the model knows no more."""
    return f"{float(f'{rate:.3g}'):,.0f}"
