"""The routes of upstream's REST API, for its existing clients."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from karya.api.compat.errors import plainly
from karya.api.compat.from_native import error_of, plan_of, task_of, user_of
from karya.api.compat.models import (
    CreateUser,
    PlanAnswer,
    PlansAnswer,
    PlansQuery,
    PlanStatus,
    SubmitPlan,
    SummaryAnswer,
    UpdatePlan,
    UserQuery,
    checked_id,
)
from karya.api.compat.to_native import changes_of, job_of, users_of, users_of_hooks
from karya.api.endpoint import Endpoint, answer
from karya.api.idempotency import minted_id
from karya.api.identity import principal_of
from karya.api.owned import Owned
from karya.api.requests import read_json, read_query
from karya.api.services import Services
from karya.core.action import Action
from karya.core.errors import Conflict, InvalidInput, NotFound
from karya.core.fields import invalid
from karya.core.spec import JobSpec
from karya.core.task import TaskKind
from karya.core.user import User, UserSpec
from karya.core.views import ErrorPage, JobView, TaskPage, TaskView

P = TypeVar("P", TaskPage, ErrorPage)
T = TypeVar("T")

PLANS = "/v1/plan"
PLAN = "/v1/plan/{id}"
USERS = "/v1/user"
PAGE_SIZE = 20
MOST_TASKS = 1000
"""How many tasks a summary shows, and how many errors: the latest ones."""

_BATCH = 100


class UpstreamRoutes:
    """Users and plans. Not part of the OpenAPI document: new clients use the native routes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.endpoints = (
            Endpoint("POST", USERS, "Make a user", plainly(self.create_user)),
            Endpoint("GET", USERS, "Find a user by name", plainly(self.get_user)),
            Endpoint("POST", PLANS, "Submit a plan", plainly(self.submit_plan)),
            Endpoint("PATCH", PLANS, "Update a plan", plainly(self.update_plan)),
            Endpoint("GET", PLANS, "List plans", plainly(self.list_plans)),
            Endpoint("GET", PLAN, "Show a plan", plainly(self.get_plan)),
            Endpoint("PATCH", PLAN, "Update a plan", plainly(self.update_plan)),
            Endpoint("POST", PLAN, "Cancel a plan", plainly(self.cancel_plan)),
            Endpoint("GET", f"{PLAN}/summary", "Show a plan with its tasks", plainly(self.get_summary)),
        )

    # --- users ----------------------------------------------------------------------------------------

    async def create_user(self, request: Request) -> Response:
        """The user with this name, who is made if there is none: the clients' examples make theirs at
        every start."""
        accounts = self._services.accounts_of(request)
        wanted = await read_json(request, CreateUser)
        with suppress(Conflict):
            return answer(user_of(await accounts.add_user(_user_spec(wanted))))
        return answer(user_of(await accounts.user_named(_stored(wanted.name))))

    async def get_user(self, request: Request) -> Response:
        """The user with this name; who is no admin finds but themselves."""
        name = _stored(read_query(request, UserQuery).username)
        principal, accounts = principal_of(request), self._services.accounts
        if principal.sees_all:
            return answer(user_of(await accounts.user_named(name)))
        user = await accounts.user(principal.user_id or "")
        if user.name != name:
            raise NotFound("user", name)
        return answer(user_of(user))

    # --- plans ----------------------------------------------------------------------------------------

    async def submit_plan(self, request: Request) -> Response:
        """200 once the job and its first task are durable."""
        plan = await read_json(request, SubmitPlan)
        await self._users(request, users_of(plan))
        job = await self._jobs(request).submit(self._spec(plan), key=minted_id(request))
        return self._plan(job)

    async def update_plan(self, request: Request) -> Response:
        """Changes what is given."""
        update = await read_json(request, UpdatePlan)
        job = await self._jobs(request).get(_plan_id(request, update))
        await self._users(request, users_of_hooks(update.hooks or ()))
        changes = changes_of(job, update)
        return self._plan(await self._jobs(request).update(job.id, changes) if changes else job)

    async def list_plans(self, request: Request) -> Response:
        """A page of a user's plans."""
        query = read_query(request, PlansQuery)
        await self._user(request, query.user_id)
        found = await self._services.plans.page(query.user_id, query.page, PAGE_SIZE)
        now = self._services.clock.now()
        plans = tuple(plan_of(JobView.of(job, now), now) for job in found.jobs)
        return answer(PlansAnswer(plans=plans, total=found.total, offset=query.page))

    async def get_plan(self, request: Request) -> Response:
        """A plan and its latest task."""
        jobs, ident = self._jobs(request), _path_id(request)
        job = await jobs.get(ident)
        latest = await _latest(partial(jobs.tasks, ident), _steps, 1)
        task = task_of(latest[0]) if latest else None
        return answer(PlanAnswer(plan=plan_of(job, self._services.clock.now()), latest_task=task))

    async def cancel_plan(self, request: Request) -> Response:
        """Cancels a plan and all that its chained actions have submitted. Of one that has completed, that is
        all that is left to cancel; the answer reads CANCELLED all the same."""
        job = await self._jobs(request).cancel(_path_id(request))
        plan = plan_of(job, self._services.clock.now())
        return answer(plan.model_copy(update={"status": PlanStatus.CANCELLED}))

    async def get_summary(self, request: Request) -> Response:
        """A plan with its tasks and errors, the oldest first."""
        jobs, ident = self._jobs(request), _path_id(request)
        job = await jobs.get(ident)
        steps = await _latest(partial(jobs.tasks, ident), _steps, MOST_TASKS)
        errors = await _latest(partial(jobs.errors, ident), lambda page: page.errors, MOST_TASKS)
        return answer(
            SummaryAnswer(
                plan=plan_of(job, self._services.clock.now()),
                tasks=tuple(map(task_of, reversed(steps))),
                error_logs=tuple(error_of(ident, error) for error in reversed(errors)),
            )
        )

    # --- what they share ------------------------------------------------------------------------------

    def _jobs(self, request: Request) -> Owned:
        return self._services.jobs_of(request)

    def _plan(self, job: JobView) -> Response:
        return answer(plan_of(job, self._services.clock.now()))

    def _spec(self, plan: SubmitPlan) -> JobSpec[Action]:
        written = job_of(plan)
        try:
            return self._services.jobs.spec_type.model_validate(written)
        except ValidationError as error:
            raise invalid(error, written, self._services.jobs.spec_type) from None

    async def _users(self, request: Request, user_ids: Iterable[str]) -> None:
        for user_id in dict.fromkeys(user_ids):
            await self._user(request, user_id)

    async def _user(self, request: Request, user_id: str) -> User:
        """Raises NotFound for a user who does not exist or is none of the caller's business."""
        if not principal_of(request).owns(user_id):
            raise NotFound("user", user_id)
        return await self._services.accounts.user(user_id)


async def _latest(
    page_of: Callable[..., Awaitable[P]], items: Callable[[P], Iterable[T]], most: int
) -> Sequence[T]:
    """So many of what is on the pages of a list, the latest first."""
    found: list[T] = []
    cursor: str | None = None
    while len(found) < most:
        page = await page_of(cursor=cursor, limit=_BATCH)
        found += items(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    return found[:most]


def _steps(page: TaskPage) -> Iterable[TaskView]:
    """The tasks of the plan itself, those of its hooks left out."""
    return [task for task in page.tasks if task.kind is TaskKind.STEP]


def _stored(name: str) -> str:
    """The name of a user as it is stored (`UserSpec`)."""
    return name.strip()


def _user_spec(wanted: CreateUser) -> UserSpec:
    try:
        return UserSpec(name=wanted.name)
    except ValidationError as error:
        raise invalid(error, wanted.model_dump(), UserSpec) from None


def _plan_id(request: Request, update: UpdatePlan) -> str:
    if "id" not in request.path_params:
        if update.plan_id is None:
            raise InvalidInput.at("plan_id", "required")
        return update.plan_id
    ident = _path_id(request)
    if update.plan_id not in (None, ident):
        raise InvalidInput.at("plan_id", "names another plan than the path does")
    return ident


def _path_id(request: Request) -> str:
    try:
        return checked_id(request.path_params["id"])
    except ValueError as error:
        raise InvalidInput.at("plan_id", str(error)) from None
