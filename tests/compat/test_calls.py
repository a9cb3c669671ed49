"""Every call of upstream's clients, and what they get back."""

import pytest

from tests.support.target import Target
from tests.support.upstream_clients import Refusal, UpstreamClient, new
from tests.support.upstream_plans import Planner, hook, recurring, rest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

NOWHERE = "01a209ab-7026-7935-9a23-39f6869fac24"
LATER = {"period_time": "PT1H30M"}


def test_a_user_is_made_once_and_found_by_name(planner: Planner, client: UpstreamClient) -> None:
    assert set(planner.user) == {"id", "name", "created_at"}
    assert planner.user["name"] == planner.name
    assert client.call("get_user", planner.name) == planner.user
    assert client.call("create_user", new("CreateUserRequest", name=planner.name)) == planner.user
    with pytest.raises(Refusal) as refused:
        client.call("get_user", "nobody of that name")
    assert (refused.value.status, refused.value.body) == (404, "no user 'nobody of that name'")


def test_a_plan_is_submitted_and_shown(planner: Planner, client: UpstreamClient, target: Target) -> None:
    plan = planner.submit(rest(target.url), **LATER, max_failure_retry=7, description="later")
    assert plan["user_id"] == planner.user["id"]
    assert (plan["description"], plan["period_time"], plan["max_failure_retry"]) == ("later", "PT1H30M", 7)
    assert (plan["status"], plan["hook"], plan.get("parent_plan_id")) == ("CREATED", [], None)
    assert plan["type"] == {"type": "karya.core.entities.PlanType.OneTime"}
    shown = client.call("get_plan", plan["id"])
    assert shown["plan"] == plan
    task = shown["latest_task"]
    assert (task["plan_id"], task["status"], task["executed_at"]) == (plan["id"], "CREATED", None)
    assert task["next_execution_at"] == plan["created_at"] + 5_400_000
    assert planner.summary(plan) == {"plan": plan, "tasks": [task], "error_logs": []}


def test_an_update_changes_what_it_names(planner: Planner, client: UpstreamClient, target: Target) -> None:
    plan = planner.submit(rest(target.url), **LATER, plan_type=recurring())
    changed = client.call(
        "update_plan",
        new("UpdatePlanRequest", plan_id=plan["id"], period_time="PT2H", max_failure_retry=None, hooks=None),
    )
    assert changed == plan | {"period_time": "PT2H", "updated_at": changed["updated_at"]}
    task = client.call("get_plan", plan["id"])["latest_task"]
    assert task["next_execution_at"] == plan["created_at"] + 7_200_000
    hooks = [hook("ON_FAILURE", rest(target.url), max_retry=1)]
    update = new("UpdatePlanRequest", plan_id=plan["id"], period_time=None, max_failure_retry=0, hooks=hooks)
    changed = client.call("update_plan", update)
    assert (changed["period_time"], changed["max_failure_retry"]) == ("PT2H", 0)
    assert [(each["trigger"], each["max_retry"]) for each in changed["hook"]] == [("ON_FAILURE", 1)]
    update["with"] = {"plan_id": plan["id"], "period_time": "soon", "max_failure_retry": None, "hooks": None}
    with pytest.raises(Refusal) as refused:
        client.call("update_plan", update)
    assert refused.value.status == 400
    assert refused.value.body.startswith("period_time: ")
    assert client.call("get_plan", plan["id"])["plan"] == changed


def test_a_plan_is_cancelled_with_its_task(planner: Planner, client: UpstreamClient, target: Target) -> None:
    plan = planner.submit(rest(target.url), **LATER)
    assert client.call("cancel_plan", plan["id"])["status"] == "CANCELLED"
    shown = client.call("get_plan", plan["id"])
    assert (shown["plan"]["status"], shown["latest_task"]["status"]) == ("CANCELLED", "CANCELLED")
    assert client.call("cancel_plan", plan["id"])["status"] == "CANCELLED"


def test_plans_are_listed_by_page(planner: Planner, client: UpstreamClient, target: Target) -> None:
    made = [planner.submit(rest(target.url), **LATER)["id"] for _ in range(22)]
    pages = [client.call("list_plans", planner.user["id"], page) for page in range(3)]
    ids = [[plan["id"] for plan in page["plans"]] for page in pages]
    assert ids == [made[:1:-1], made[1::-1], []]
    assert [page["total"] for page in pages] == [22, 22, 22]
    assert [page["offset"] for page in pages] == [0, 1, 2]


@pytest.mark.parametrize("method", ["get_plan", "get_summary", "cancel_plan"])
def test_plans_that_are_not_there(client: UpstreamClient, method: str) -> None:
    for ident, status, body in [(NOWHERE, 404, f"no plan '{NOWHERE}'"), ("x", 400, "plan_id: not an id")]:
        with pytest.raises(Refusal) as refused:
            client.call(method, ident)
        assert refused.value.status == status
        assert refused.value.body.startswith(body)


def test_an_unknown_user(planner: Planner, client: UpstreamClient, target: Target) -> None:
    for method, args in [
        ("submit_plan", [planner.request(rest(target.url), user_id=NOWHERE)]),
        ("list_plans", [NOWHERE, 0]),
        ("submit_plan", [planner.request(planner.chained(rest(target.url), user_id=NOWHERE))]),
    ]:
        with pytest.raises(Refusal) as refused:
            client.call(method, *args)
        assert (refused.value.status, refused.value.body) == (404, f"no user '{NOWHERE}'")


def test_what_is_refused_stores_nothing(planner: Planner, client: UpstreamClient, target: Target) -> None:
    action = rest(target.url)
    twice = planner.chained(planner.chained(planner.chained(action)))
    other = Planner(client).user["id"]
    for request, reason in [
        (planner.request(action, period_time="7 seconds"), "period_time: write an ISO 8601 duration"),
        (
            planner.request(action, period_time="PT0.01S", plan_type=recurring()),
            "period_time: must be greater",
        ),
        (planner.request(action, plan_type=recurring(1_734_694_042)), "plan_type.end_at: "),
        (
            planner.request(planner.chained(action), plan_type=recurring()),
            "action: a recurring job cannot chain",
        ),
        (planner.request(twice), "action.request.action.request.action: chained jobs nest at most 2 deep"),
        (planner.request(rest("http:// /")), "action.base_url: "),
        (planner.request(planner.chained(action, user_id=other)), "action.request.user_id: "),
    ]:
        with pytest.raises(Refusal) as refused:
            client.call("submit_plan", request)
        assert refused.value.status == 400
        assert refused.value.body.startswith(reason)
    assert planner.plans() == []
