"""Plans, as a program that uses one of upstream's clients would submit and watch them."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from tests.support.eventually import eventually
from tests.support.upstream_clients import UpstreamClient, new

ONCE = new("OneTime")


def recurring(end_at: int | None = None) -> dict[str, Any]:
    """A plan type."""
    return new("Recurring", end_at=end_at)


def rest(url: str, **fields: Any) -> dict[str, Any]:
    """A request to this URL, a POST with a body unless told otherwise."""
    body = new("JsonBody", data={"hello": "world"})
    headers = {"content-type": "application/json", "x-sent-by": "a client"}
    given = {"body": body, "protocol": "HTTP", "method": "POST", "headers": headers, "timeout": 2000}
    return new("RestApiRequest", base_url=url.removeprefix("http://"), **given | fields)


def hook(trigger: str, action: dict[str, Any], max_retry: int = 3) -> dict[str, Any]:
    """A hook."""
    return new("Hook", trigger=trigger, action=action, max_retry=max_retry)


class Planner:
    """A user of their own, and what they submit."""

    def __init__(self, client: UpstreamClient) -> None:
        self.client = client
        self.name = f"user {uuid.uuid4()}"
        self.user = client.call("create_user", new("CreateUserRequest", name=self.name))

    def request(self, action: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """What it takes to submit a plan that runs once, a second from now, unless told otherwise."""
        given = {
            "user_id": self.user["id"],
            "description": "a plan",
            "period_time": "PT1S",
            "plan_type": ONCE,
            "action": action,
            "hooks": [],
            "max_failure_retry": 3,
        }
        return new("SubmitPlanRequest", **given | fields)

    def submit(self, action: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """The plan that was made."""
        plan: dict[str, Any] = self.client.call("submit_plan", self.request(action, **fields))
        return plan

    def chained(self, action: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """An action that submits such a plan."""
        return new("ChainedRequest", request=self.request(action, **fields))

    def plans(self, page: int = 0) -> Sequence[dict[str, Any]]:
        """A page of what this user owns."""
        found: list[dict[str, Any]] = self.client.call("list_plans", self.user["id"], page)["plans"]
        return found

    def children(self, plan: dict[str, Any]) -> Sequence[dict[str, Any]]:
        """The plans that this one's chained action has made."""
        return [each for each in self.plans() if each["parent_plan_id"] == plan["id"]]

    def summary(self, plan: dict[str, Any]) -> dict[str, Any]:
        """The plan with its tasks and errors."""
        found: dict[str, Any] = self.client.call("get_summary", plan["id"])
        return found

    def until(
        self, plan: dict[str, Any], what: str, holds: Callable[[dict[str, Any]], Any], timeout: float = 90
    ) -> dict[str, Any]:
        """The first summary of which this holds."""

        def look() -> dict[str, Any] | None:
            found = self.summary(plan)
            return found if holds(found) else None

        return eventually(look, timeout, what)

    def completed(self, plan: dict[str, Any]) -> dict[str, Any]:
        """The summary once the plan has completed."""
        return self.until(plan, "the end of the plan", lambda s: s["plan"]["status"] == "COMPLETED")
