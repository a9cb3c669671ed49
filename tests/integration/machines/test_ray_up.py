"""`ray up cluster.yaml`, as it is in the repository, on three machines that are reached by ssh."""

import json
from typing import Any

import pytest

from tests.integration.machines.fleet import KARYA, Fleet
from tests.support.eventually import eventually
from tests.support.specs import interval, post
from tests.support.target import Target

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1200)]

PATIENCE = 120.0
"""Seconds for what follows from a command that has ended."""
RETRY = {"max_attempts": 10, "backoff": "constant", "delay": "PT0.5S"}


def submitted(fleet: Fleet, url: str, every: str, runs: int) -> str:
    spec = {"action": post(url), "retry": RETRY, "schedule": interval(every, max_runs=runs)}
    ident: str = fleet.karya("submit", "-", text=json.dumps(spec))["id"]
    return ident


def job(fleet: Fleet, ident: str) -> Any:
    return fleet.karya("job", ident)


def test_the_workers_of_all_machines_run_what_is_submitted(fleet: Fleet, target: Target) -> None:
    """Karya began on the head, before the others had joined: workers moved to them."""
    submitted(fleet, target.at("/spread"), "PT0.2S", 1000)

    def all_of_them() -> bool:
        return {call.peer for call in target.calls_to("/spread")} == set(fleet.addresses)

    eventually(all_of_them, PATIENCE, "runs on every machine")


def test_a_second_ray_up_is_a_deployment_that_loses_nothing(fleet: Fleet, target: Target) -> None:
    ident = submitted(fleet, target.at("/deployed"), "PT1S", 90)
    eventually(lambda: target.calls_to("/deployed"), PATIENCE, "the first run")
    fleet.ray("up")
    fleet.await_workers(PATIENCE)
    eventually(lambda: job(fleet, ident)["job"]["status"] == "COMPLETED", PATIENCE, "the end of the job")
    instants = [call.headers["karya-instant"] for call in target.calls_to("/deployed")]
    assert len(instants) == len(set(instants)) == 90
    assert "\nclean" in fleet.ray("exec", f"{KARYA} audit --data-dir ~/karya-data")
