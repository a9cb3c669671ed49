"""Plans become jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from karya.api.compat.models import TYPE_NAMES, SubmitPlan, UpdatePlan
from karya.api.compat.to_native import changes_of, job_of, users_of
from karya.connectors.email import EmailAction
from karya.connectors.kafka import KafkaAction
from karya.connectors.slack import SlackAction
from karya.core.action import Action, RestAction
from karya.core.errors import InvalidInput
from karya.core.job import new_job
from karya.core.policies import MisfirePolicy
from karya.core.schedule import Interval, Once
from karya.core.spec import JobSpec, spec_model
from karya.core.views import JobView
from tests.unit.api.compat.plans import EMAIL, KAFKA, ONCE, REST, SLACK, USER, chained, recurring, submission

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SPEC = spec_model((RestAction, SlackAction, EmailAction, KafkaAction))


def job(**fields: Any) -> dict[str, Any]:
    return job_of(SubmitPlan.model_validate(submission(**fields)))


def spec(**fields: Any) -> JobSpec[Action]:
    """The job as the server would check it."""
    return SPEC.model_validate(job(**fields))


def view(**fields: Any) -> JobView:
    return JobView.of(new_job(spec(**fields), NOW), NOW)


def test_a_one_time_plan_runs_one_period_after_its_submission() -> None:
    assert spec(plan_type=ONCE, period_time="PT1H30M").schedule == Once(after=timedelta(minutes=90))


def test_a_recurring_plan_runs_every_period_before_its_end() -> None:
    end = datetime(2026, 11, 24, tzinfo=UTC)
    found = spec(plan_type=recurring(1_795_478_400_000), period_time="PT7S").schedule
    assert found == Interval(every=timedelta(seconds=7), end_at=end)
    assert spec(plan_type=recurring()).schedule == Interval(every=timedelta(seconds=7))
    assert spec(plan_type={"type": recurring()["type"]}).schedule == Interval(every=timedelta(seconds=7))


def test_whatever_was_missed_is_run() -> None:
    assert spec(plan_type=recurring()).misfire.policy is MisfirePolicy.ALL
    assert spec(plan_type=recurring()).misfire.window is None


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (3, 4), (999, 1000)])
def test_retries_come_on_top_of_the_first_attempt(retries: int, attempts: int) -> None:
    hook = {"trigger": "ON_FAILURE", "action": REST, "max_retry": retries}
    found = spec(max_failure_retry=retries, hooks=[hook])
    assert found.retry.max_attempts == attempts
    assert found.hooks[0].retry.max_attempts == attempts


def test_what_may_be_left_out() -> None:
    rest = {"type": REST["type"], "base_url": "h"}
    hook = {"trigger": "ON_COMPLETION", "action": rest}
    bare = {"user_id": USER, "description": "", "period_time": "PT1S", "plan_type": ONCE, "action": rest}
    found = SPEC.model_validate(job_of(SubmitPlan.model_validate(bare | {"hooks": [hook]})))
    assert found.retry.max_attempts == found.hooks[0].retry.max_attempts == 4
    assert found.action == RestAction(
        url="http://h", headers={"content-type": "application/json"}, timeout=timedelta(seconds=2)
    )


@pytest.mark.parametrize(
    ("protocol", "base_url", "url"),
    [
        ("HTTP", "localhost", "http://localhost"),
        ("HTTPS", "h:8443/a?b=http://c", "https://h:8443/a?b=http://c"),
        ("HTTP", "https://h/a", "https://h/a"),
        ("HTTPS", "HTTP://h/a", "HTTP://h/a"),
    ],
)
def test_the_url_of_a_request(protocol: str, base_url: str, url: str) -> None:
    assert job(action=REST | {"protocol": protocol, "base_url": base_url})["action"]["url"] == url


def test_a_json_body_is_sent_to_the_letter_and_as_json() -> None:
    odd = {"type": "JsonBody", "json_string": '{ "a" : 1.0}'}
    action = spec(action=REST | {"body": odd, "headers": {"X-A": "1"}}).action
    assert isinstance(action, RestAction)
    assert action.body == '{ "a" : 1.0}'
    assert action.headers == {"X-A": "1", "content-type": "application/json"}
    named = spec(action=REST | {"body": odd, "headers": {"Content-Type": "text/x"}}).action
    assert isinstance(named, RestAction)
    assert named.headers == {"Content-Type": "text/x"}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (SLACK, SlackAction(channel="c", blocks=[{"type": "divider"}])),
        (SLACK | {"message": "hello"}, SlackAction(channel="c", text="hello")),
        (SLACK | {"message": "7"}, SlackAction(channel="c", text="7")),
        (EMAIL, EmailAction(to=("ada@example.com",), subject="s", text="m")),
        (KAFKA, KafkaAction(topic="t", value="m")),
        (KAFKA | {"key": "k"}, KafkaAction(topic="t", value="m", key="k")),
    ],
)
def test_the_other_actions(action: dict[str, Any], expected: Action) -> None:
    assert spec(action=action).action == expected


def test_a_chained_plan_is_a_job_in_a_job() -> None:
    inner = chained(period_time="PT1S", action=chained(user_id=USER.replace("0", "1"), action=KAFKA))
    found = job(action=inner)["action"]
    assert found["type"] == "chain"
    assert found["job"] == job(period_time="PT1S", action=inner["request"]["action"])
    assert found["job"]["action"]["job"]["action"]["type"] == "kafka"


def test_every_user_in_a_plan_is_named() -> None:
    other = USER.replace("0", "1")
    third = USER.replace("0", "2")
    hook = {"trigger": "ON_FAILURE", "action": chained(user_id=third)}
    plan = SubmitPlan.model_validate(submission(action=chained(user_id=other), hooks=[hook]))
    assert list(users_of(plan)) == [USER, other, third]


@pytest.mark.parametrize("name", TYPE_NAMES)
def test_the_last_part_of_a_type_is_enough_and_the_long_name_is_kept(name: str) -> None:
    fields: dict[str, Any] = {
        "json_string": "1", "base_url": "h", "channel": "c", "message": "m", "recipient": "a@b.c",
        "subject": "s", "topic": "t", "request": submission(),
    }  # fmt: skip
    short = {"type": name.rpartition(".")[2], **fields}
    if ".Action." in name:
        parsed = SubmitPlan.model_validate(submission(action=short))
        assert parsed.action.type == name
    elif ".PlanType." in name:
        assert SubmitPlan.model_validate(submission(plan_type=short)).plan_type.type == name
    else:
        plan = SubmitPlan.model_validate(submission(action=REST | {"body": short}))
        assert plan.model_dump()["action"]["body"]["type"] == name


def test_unknown_fields_are_ignored() -> None:
    assert job(surprise=1, action=REST | {"surprise": 2}) == job()


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"period_time": "7s"}, ("period_time",)),
        ({"period_time": "P1M"}, ("period_time",)),
        ({"user_id": "me"}, ("user_id",)),
        ({"max_failure_retry": -1}, ("max_failure_retry",)),
        ({"max_failure_retry": 1000}, ("max_failure_retry",)),
        ({"plan_type": {"type": "Weekly"}}, ("plan_type",)),
        ({"plan_type": {"type": ["x"]}}, ("plan_type",)),
        ({"plan_type": recurring(-1)}, ("plan_type", recurring()["type"], "end_at")),
        ({"action": REST | {"timeout": 0}}, ("action", REST["type"], "timeout")),
        ({"action": REST | {"method": "TRACE"}}, ("action", REST["type"], "method")),
        ({"hooks": [{"trigger": "ON_RETRY", "action": REST}]}, ("hooks", 0, "trigger")),
        ({"action": {"type": "karya.core.entities.PlanType.OneTime"}}, ("action",)),
    ],
)
def test_what_is_refused(fields: dict[str, Any], where: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        SubmitPlan.model_validate(submission(**fields))
    assert [error["loc"] for error in refused.value.errors()] == [where]


def test_an_update_changes_what_it_names() -> None:
    stored = view(plan_type=recurring(1_795_478_400_000), max_failure_retry=5)
    assert changes_of(stored, UpdatePlan()) == {}
    assert changes_of(stored, UpdatePlan(period_time=timedelta(seconds=9)))[
        "schedule"
    ] == stored.schedule.model_dump(mode="json") | {"every": "PT9S"}
    assert changes_of(stored, UpdatePlan(max_failure_retry=0)) == {
        "retry": stored.retry.model_dump(mode="json") | {"max_attempts": 1}
    }
    assert changes_of(stored, UpdatePlan(hooks=())) == {"hooks": []}


def test_an_update_of_a_plan_that_runs_once() -> None:
    changes = changes_of(view(), UpdatePlan(period_time=timedelta(seconds=9)))
    assert Once.model_validate(changes["schedule"]) == Once(after=timedelta(seconds=9))


def test_a_calendar_rule_has_no_period_to_change() -> None:
    stored = JobView.of(
        new_job(SPEC.model_validate(job() | {"schedule": {"kind": "cron", "expression": "@daily"}}), NOW), NOW
    )
    with pytest.raises(InvalidInput, match="period_time: this plan runs by a cron"):
        changes_of(stored, UpdatePlan(period_time=timedelta(seconds=9)))
