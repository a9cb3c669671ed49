"""Submitting a job from a form, and changing one in the same form."""

import asyncio
import hashlib
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from karya.api.identity import principal_of
from karya.api.pages import forms
from karya.api.pages.drafting import MOST_PARTS, Drafts
from karya.api.pages.forms import Values
from karya.api.pages.site import ROOT, Site, first, go_to, read_form
from karya.core.action import Action
from karya.core.errors import FieldError, Forbidden, InvalidInput, KaryaError, Outdated
from karya.core.ids import minted_at, new_id
from karya.core.policies import MisfirePolicy, Overlap
from karya.core.ports.requests import Fresh
from karya.core.retry import Backoff
from karya.core.schedule import Schedule
from karya.core.spec import JobSpec
from karya.core.times import floor_millis
from karya.core.views import JobView, PreviewView

_PREVIEWED = 10
_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)
_KINDS = {"once": "once", "interval": "interval", "cron": "cron", "rrule": "calendar rule"}
_WORKS = {"action": "one action", "steps": "several steps"}


class WritingPages:
    """New, preview, edit."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._of = site.services.jobs_of
        self._drafts = Drafts(site.services.jobs.spec_type)
        self._kinds = self._drafts.kinds

    async def show_new(self, request: Request) -> Response:
        """An empty form, or one like a job that is there (`?like=ID`)."""
        like = request.query_params.get("like")
        if like is None:
            return await self._form(request, forms.blank(self._kinds), {})
        values = self._drafts.of_job(await self._of(request).get(like))
        return await self._form(request, values, {})

    async def submit(self, request: Request) -> Response:
        """Stores the job and goes to it; with what was wrong, the same form again. With a wish (`do`) nothing
        is stored: the answer is the form as it was wished for."""
        fields = await read_form(request)
        values = forms.sent(fields, self._kinds)
        key = first(fields, "key")
        if wish := _wish(request, fields):
            return await self._wished(request, values, wish, key=key)
        try:
            spec = self._drafts.spec(values)
            job = await self._of(request).submit(spec, key=await self._identity(request, key, spec))
        except KaryaError as error:
            return await self._form(request, values, *_shown(error, values), key=key)
        return go_to(f"{ROOT}/jobs/{job.id}?done=submitted")

    async def preview(self, request: Request) -> Response:
        """The first instants, as soon as the schedule can be read, and every error for its field."""
        values = forms.sent(await read_form(request), self._kinds)
        preview: PreviewView | None = None
        errors: dict[str, list[str]] = {}
        try:
            preview = await self._of(request).preview(self._drafts.spec(values), _PREVIEWED)
        except KaryaError as error:
            errors, _ = _shown(error, values)
            preview = await self._of_schedule_alone(values)
        context: dict[str, Any] = {"preview": preview, "errors": errors, "values": values}
        context |= {"zone": self._drafts.zone(values), "label": self._label(values)}
        return await self._site.render(request, "parts/preview.html", **context)

    async def show_edit(self, request: Request) -> Response:
        """The form with all that is stored of a job."""
        job = await self._of(request).get(request.path_params["id"])
        return await self._form(request, self._drafts.of_job(job), {}, job=job)

    async def edit(self, request: Request) -> Response:
        """Stores what was changed, unless somebody else has changed the job meanwhile."""
        fields = await read_form(request)
        values = forms.sent(fields, self._kinds)
        job = await self._of(request).get(request.path_params["id"])
        if wish := _wish(request, fields):
            return await self._wished(request, values, wish, job=job, version=first(fields, "version"))
        try:
            if first(fields, "version") != str(job.version):
                raise Outdated
            changes = forms.changes(
                self._drafts.stored(job), self._drafts.spec(values).model_dump(mode="json")
            )
            if changes:
                await self._of(request).update(job.id, _one_way(changes), version=job.version)
        except Outdated:
            job = await self._of(request).get(job.id)
            overtaken = InvalidInput.at("", _overtaken(job))
            return await self._form(request, values, *_shown(overtaken, values), job=job)
        except KaryaError as error:
            return await self._form(request, values, *_shown(error, values), job=job)
        return go_to(f"{ROOT}/jobs/{job.id}?done={'changed' if changes else 'unchanged'}")

    async def _identity(self, request: Request, key: str, spec: JobSpec[Action]) -> str:
        """The same form with the same fields is the same job, however often it is sent. It begins when it is
        sent first: one that is due at once would else be late by the time that filling the form in took."""
        content = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()
        owner, now = principal_of(request).user_id or "", self._site.services.clock.now()
        name = f"form {_minted(key)} {content}"
        standing = await self._site.services.requests.begin(owner, name, content, now)
        if not isinstance(standing, Fresh):
            raise _not_ours()
        return standing.minted_id

    async def _of_schedule_alone(self, values: Values) -> PreviewView | None:
        try:
            schedule = _SCHEDULE.validate_python(self._drafts.written(values).wire.get("schedule"))
        except ValidationError:
            return None
        now = floor_millis(self._site.services.clock.now())
        return await asyncio.to_thread(PreviewView.of_schedule, schedule, now, _PREVIEWED)

    async def _wished(self, request: Request, values: Values, wish: str, **of_form: Any) -> Response:
        """The form in its other view, or with one part more or less; with the errors that forbid it."""
        focus = ""
        try:
            match wish:
                case "as-json":
                    values = self._drafts.as_json(values)
                case "as-fields":
                    values = self._drafts.of_spec(self._drafts.spec(values))
                case _:
                    values, focus = forms.changed(values, wish, self._kinds)
        except InvalidInput as error:
            return await self._form(request, values, *_shown(error, values), **of_form)
        return await self._form(request, values, {}, focus=focus, **of_form)

    def _label(self, values: Values) -> partial[str]:
        return partial(forms.label_of, values=values, kinds=self._kinds)

    async def _form(
        self,
        request: Request,
        values: Values,
        errors: Mapping[str, list[str]],
        status: HTTPStatus = HTTPStatus.OK,
        key: str = "",
        job: JobView | None = None,
        version: str = "",
        focus: str = "",
    ) -> Response:
        numbers = {name: forms.numbers(values, name) for name in forms.LISTS}
        return await self._site.render(
            request,
            "form.html",
            status,
            section="jobs",
            job=job,
            path=f"{ROOT}/jobs/{job.id}/edit" if job else f"{ROOT}/jobs/new",
            version=version or (job.version if job else ""),
            focus=focus,
            is_new=values == forms.blank(self._kinds),
            values=values,
            label=self._label(values),
            numbers=numbers,
            is_full=sum(map(len, numbers.values())) >= MOST_PARTS,
            errors=errors,
            key=key or new_id(self._site.services.clock.now()),
            kinds=_KINDS,
            works=_WORKS,
            all=self._kinds,
            backoffs=[*Backoff],
            overlaps=[*Overlap],
            misfires=[*MisfirePolicy],
        )


def _shown(error: KaryaError, values: Values) -> tuple[dict[str, list[str]], HTTPStatus]:
    if isinstance(error, InvalidInput):
        return forms.placed(error.errors, values), HTTPStatus.UNPROCESSABLE_ENTITY
    status = HTTPStatus.FORBIDDEN if isinstance(error, Forbidden) else HTTPStatus.CONFLICT
    return forms.placed([FieldError("", str(error))], values), status


def _wish(request: Request, fields: dict[str, list[str]]) -> str:
    """What the form is to become instead of being sent: of a button, or of a field that was changed."""
    return first(fields, "do") or request.query_params.get("do", "")


def _minted(key: str) -> str:
    try:
        minted_at(key)
    except ValueError:
        raise _not_ours() from None
    return key


def _not_ours() -> InvalidInput:
    return InvalidInput.at("", "this form is none of ours: load the page again")


def _overtaken(job: JobView) -> str:
    return (
        f"the job was changed meanwhile and is at version {job.version}: what you wrote is still here. Look "
        "at the job in another tab, and save again to put this over it"
    )


def _one_way(changes: dict[str, Any]) -> dict[str, Any]:
    """Of `action` and `steps` only the one that is now given."""
    return {
        name: value
        for name, value in changes.items()
        if not (name == "action" and value is None) and not (name == "steps" and not value)
    }
