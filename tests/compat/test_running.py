"""What is submitted through upstream's clients runs: the targets say so."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import orjson
import pytest

from tests.support.eventually import eventually
from tests.support.kafka import Broker
from tests.support.mail import MailServer
from tests.support.target import Target, respond
from tests.support.upstream_clients import UpstreamClient, new
from tests.support.upstream_plans import Planner, hook, recurring, rest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def calls(target: Target, path: str, count: int) -> list[float]:
    """When the first calls to this path arrived, in epoch seconds."""
    found = eventually(lambda: target.calls_to(path)[count - 1 :], 90, f"{count} calls to {path}")
    return [call.wall for call in target.calls_to(path)] if found else []


def test_a_plan_that_runs_once(planner: Planner, client: UpstreamClient, target: Target, path: str) -> None:
    plan = planner.submit(rest(target.at(path)))
    summary = planner.completed(plan)
    (call,) = target.calls_to(path)
    assert (call.method, call.json()) == ("POST", {"hello": "world"})
    assert call.headers["content-type"] == "application/json"
    assert call.headers["x-sent-by"] == "a client"
    assert call.wall * 1000 >= plan["created_at"] + 1000
    (task,) = summary["tasks"]
    assert task["status"] == "SUCCESS"
    assert task["executed_at"] >= task["next_execution_at"] == plan["created_at"] + 1000
    assert client.call("get_plan", plan["id"])["latest_task"] == task


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_request_without_a_body(planner: Planner, target: Target, path: str, method: str) -> None:
    planner.completed(planner.submit(rest(target.at(path), body=new("EmptyBody"), method=method)))
    (call,) = target.calls_to(path)
    assert (call.method, call.body) == (method, b"")


def test_a_recurring_plan_runs_until_its_end(planner: Planner, target: Target, path: str) -> None:
    end_at = int(time.time() * 1000) + 6700
    ended = hook("ON_COMPLETION", rest(target.at(f"{path}/ended")))
    plan = planner.submit(rest(target.at(path)), plan_type=recurring(end_at), hooks=[ended])
    assert plan["type"] == {"type": "karya.core.entities.PlanType.Recurring", "end_at": end_at}
    running = planner.until(plan, "a first run", lambda s: s["tasks"][0]["status"] == "SUCCESS")
    assert running["plan"]["status"] == "RUNNING"
    summary = planner.completed(plan)
    due = [task["next_execution_at"] for task in summary["tasks"]]
    assert due == [plan["created_at"] + 1000 * n for n in range(1, len(due) + 1)]
    assert due[-1] < end_at <= due[-1] + 1000
    assert {task["status"] for task in summary["tasks"]} == {"SUCCESS"}
    assert len(target.calls_to(path)) == len(due)
    assert len(calls(target, f"{path}/ended", 1)) == 1


def test_what_fails_is_tried_again_and_then_fires_its_hook(
    planner: Planner, client: UpstreamClient, target: Target, path: str
) -> None:
    failing = rest(target.at(path, respond(500)))
    hooks = [
        hook(trigger, rest(target.at(f"{path}/{trigger}"))) for trigger in ("ON_FAILURE", "ON_COMPLETION")
    ]
    plan = planner.submit(failing, max_failure_retry=1, hooks=hooks)
    first = planner.until(plan, "a failure", lambda s: s["error_logs"])
    assert first["tasks"][0]["status"] in ("FAILURE", "PROCESSING")
    summary = planner.completed(plan)
    assert [task["status"] for task in summary["tasks"]] == ["FAILURE"]
    assert len(target.calls_to(path)) == 2
    for trigger in ("ON_FAILURE", "ON_COMPLETION"):
        assert len(calls(target, f"{path}/{trigger}", 1)) == 1
    first_error, second_error = summary["error_logs"]
    assert first_error["timestamp"] < second_error["timestamp"]
    assert first_error["plan_id"] == plan["id"]
    assert "500" in first_error["error"]
    assert first_error["type"] == {
        "type": "karya.core.entities.ErrorLogType.ExecutorErrorLog",
        "task_id": summary["tasks"][0]["id"],
    }


def test_a_failure_reads_so_while_it_waits_for_its_retry(
    planner: Planner, client: UpstreamClient, target: Target, path: str
) -> None:
    plan = planner.submit(rest(target.at(path, respond(503, headers={"retry-after": "60"}))))
    shown = eventually(
        lambda: (s := client.call("get_plan", plan["id"]))["latest_task"]["status"] == "FAILURE" and s,
        90,
        "a failed task",
    )
    assert shown["plan"]["status"] == "RUNNING"
    assert shown["latest_task"]["executed_at"] is not None
    client.call("cancel_plan", plan["id"])


def test_a_hook_that_fails_is_told_apart(planner: Planner, target: Target, path: str) -> None:
    broken = hook("ON_COMPLETION", rest(target.at(f"{path}/hook", respond(410))), max_retry=0)
    plan = planner.submit(rest(target.at(path)), hooks=[broken])
    summary = planner.until(plan, "the hook's error", lambda s: s["error_logs"])
    assert summary["error_logs"][0]["type"] == {"type": "karya.core.entities.ErrorLogType.HookErrorLog"}
    assert [task["status"] for task in summary["tasks"]] == ["SUCCESS"]


def test_a_slack_message(planner: Planner, target: Target) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": planner.name}}]
    action = new("SlackMessageRequest", channel="#karya", message=orjson.dumps(blocks).decode())
    plan = planner.submit(action)
    assert orjson.loads(plan["action"]["message"]) == blocks
    planner.completed(plan)
    posted = [call for call in target.calls_to("/api/chat.postMessage") if planner.name in call.body.decode()]
    assert len(posted) == 1


def test_an_email(planner: Planner, mail: MailServer) -> None:
    message = f"Hello, {planner.name}"
    action = new("EmailRequest", recipient="ada@example.com", subject="karya", message=message)
    plan = planner.submit(action)
    assert plan["action"]["recipient"] == "ada@example.com"
    planner.completed(plan)
    (got,) = [each for each in mail.mails if message in each.message.get_content()]
    assert got.recipients == ["ada@example.com"]
    assert got.message["subject"] == "karya"


@pytest.mark.parametrize("key", ["k", None])
def test_a_kafka_message(planner: Planner, broker: Broker, path: str, key: str | None) -> None:
    topic = path.strip("/")
    plan = planner.submit(new("KafkaProducerRequest", topic=topic, message="hello", key=key))
    assert plan["action"]["topic"] == topic
    summary = planner.completed(plan)
    assert [task["status"] for task in summary["tasks"]] == ["SUCCESS"], summary["error_logs"]
    (record,) = asyncio.run(broker.records(topic, 1))
    assert record.value == b"hello"
    assert record.key == (key.encode() if key else None)


def test_a_chain_of_plans(planner: Planner, target: Target, path: str) -> None:
    chain = planner.chained(planner.chained(rest(target.at(path)), description="third"), description="second")
    plan = planner.submit(chain, description="first")
    assert plan["action"]["request"]["action"]["request"]["description"] == "third"
    calls(target, path, 1)
    (second,) = planner.children(plan)
    (third,) = planner.children(second)
    assert (second["description"], third["description"]) == ("second", "third")
    for each in (plan, second, third):
        planner.completed(each)
    assert len(target.calls_to(path)) == 1


def is_at_rest(summary: dict[str, Any]) -> bool:
    return "PROCESSING" not in {task["status"] for task in summary["tasks"]}


def test_cancelling_a_plan_cancels_what_it_chained(
    planner: Planner, client: UpstreamClient, target: Target, path: str
) -> None:
    grandchild = planner.chained(rest(target.at(path)), plan_type=recurring(), description="grandchild")
    plan = planner.submit(planner.chained(grandchild, description="child"))
    calls(target, path, 2)
    assert client.call("cancel_plan", plan["id"])["status"] == "CANCELLED"
    (child,) = planner.children(plan)
    (ended,) = planner.children(child)
    summary = planner.until(ended, "the end of what runs", is_at_rest)
    seen = len(target.calls_to(path))
    assert summary["plan"]["status"] == "CANCELLED"
    assert summary["tasks"][-1]["status"] == "CANCELLED"
    instants = [task["next_execution_at"] for task in summary["tasks"]]
    assert {later - earlier for earlier, later in pairwise(instants)} <= {1000}
    watch_until = time.monotonic() + 2.5  # two periods of what must not run any more
    eventually(lambda: time.monotonic() > watch_until, 30)
    assert len(target.calls_to(path)) == seen


def test_a_chained_plan_is_cancelled_before_it_was_made(
    planner: Planner, client: UpstreamClient, target: Target, path: str
) -> None:
    plan = planner.submit(planner.chained(rest(target.at(path))), period_time="PT1H")
    assert client.call("cancel_plan", plan["id"])["status"] == "CANCELLED"
    assert planner.children(plan) == []


def test_a_hook_may_chain_and_is_not_linked(planner: Planner, target: Target, path: str) -> None:
    chain = hook("ON_COMPLETION", planner.chained(rest(target.at(f"{path}/after")), description="after"))
    plan = planner.submit(rest(target.at(path)), hooks=[chain])
    calls(target, f"{path}/after", 1)
    assert planner.children(plan) == []
    assert [each["description"] for each in planner.plans()] == ["after", "a plan"]
