"""Filters by user take the name as well as the id, and never find nothing where nobody is meant."""

import json

import pytest

from karya.cli.exits import Exit
from karya.client import Client
from tests.support.served import Served
from tests.unit.cli.conftest import HOURLY, Run, kill


@pytest.fixture
def owners(served: Served) -> dict[str, tuple[str, str]]:
    """Two users, each with a job whose task is dead: the id of each user and job, by the name."""
    found = {}
    with Client(served.url) as client:
        for name in ("ada", "grace hopper"):
            user = client.add_user(name).id
            found[name] = user, client.submit({**HOURLY, "user_id": user}).id
            kill(served, found[name][1])
    return found


@pytest.mark.parametrize("name", ["ada", "grace hopper"])
def test_a_user_is_known_by_name_and_by_id(name: str, owners: dict[str, tuple[str, str]], karya: Run) -> None:
    user, job = owners[name]
    for named in (name, user):
        jobs = json.loads(karya("jobs", "--user", named, "--json").stdout)["jobs"]
        assert [one["id"] for one in jobs] == [job]
        letters = json.loads(karya("letters", "list", "--user", named, "--json").stdout)["tasks"]
        assert [one["job_id"] for one in letters] == [job]
        assert json.loads(karya("audit", "--user", named, "--json").stdout)["counts"]["jobs"] == 1


@pytest.mark.parametrize("verb", ["redrive", "discard"])
def test_only_the_letters_of_the_user_are_moved(
    verb: str, owners: dict[str, tuple[str, str]], karya: Run
) -> None:
    assert karya("letters", verb, "--user", "ada").stdout.startswith("1 dead letter ")
    left = json.loads(karya("letters", "list", "--json").stdout)["tasks"]
    assert [one["job_id"] for one in left] == [owners["grace hopper"][1]]


def test_events_are_asked_for_by_id(owners: dict[str, tuple[str, str]], served: Served, karya: Run) -> None:
    wrong = karya("events", "--user", "ada", "--user", owners["grace hopper"][0], "--kind", "nonsense")
    assert wrong.exit_code == Exit.USAGE  # so that it ends
    asked = [pair for pair in served.queries[-1].split("&") if pair.startswith("user=")]
    assert asked == [f"user={user}" for user, _ in owners.values()]


@pytest.mark.parametrize(
    "command",
    [
        "jobs",
        "letters list",
        "letters redrive --all",
        "letters discard --all",
        "audit",
        "events --kind nonsense",
    ],
)
@pytest.mark.parametrize("nobody", ["nobody", ""])
def test_a_user_who_is_not_there_is_an_error(
    command: str, nobody: str, owners: dict[str, tuple[str, str]], karya: Run
) -> None:
    done = karya(*command.split(), "--user", nobody)
    assert (done.exit_code, done.stdout) == (Exit.NOT_FOUND, "")
    assert done.stderr == f"karya: no user {nobody!r}; `karya user list` shows them all\n"
    left = json.loads(karya("letters", "list", "--json").stdout)["tasks"]
    assert len(left) == len(owners)


def test_who_is_no_admin_may_name_nobody_else(owners: dict[str, tuple[str, str]], karya: Run) -> None:
    user, job = owners["ada"]
    secret = karya("token", "create", "ada").stdout.strip()
    own = json.loads(karya("jobs", "--user", user, "--json", token=secret).stdout)["jobs"]
    assert [one["id"] for one in own] == [job]
    for other in ("grace hopper", "nobody"):
        refused = karya("jobs", "--user", other, token=secret)
        assert (refused.exit_code, "you see your own only" in refused.stderr) == (Exit.USAGE, True)
