"""Submitting a job from a form, and changing one in the same form."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from karya.api.pages import forms
from karya.api.pages.forms import Values
from karya.api.pages.site import ROOT, Site, first, go_to, read_form
from karya.core.action import Action
from karya.core.errors import FieldError, Forbidden, InvalidInput, KaryaError
from karya.core.fields import invalid
from karya.core.hook import Trigger
from karya.core.ids import fixed_id, minted_at, new_id
from karya.core.policies import MisfirePolicy, Overlap
from karya.core.retry import Backoff
from karya.core.schedule import Schedule
from karya.core.spec import JobSpec
from karya.core.times import floor_millis
from karya.core.views import JobView, PreviewView

_PREVIEWED = 10
_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)
_KINDS = {"once": "once", "interval": "interval", "cron": "cron", "rrule": "calendar rule"}
_WORKS = {"rest": "HTTP request", "action": "another action", "steps": "several steps"}


class WritingPages:
    """New, preview, edit."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._of = site.services.jobs_of
        self._spec_type = site.services.jobs.spec_type
        self._types = action_types(self._spec_type)

    async def show_new(self, request: Request) -> Response:
        """An empty form, or one like a job that is there (`?like=ID`)."""
        like = request.query_params.get("like")
        values = forms.blank() if like is None else self._filled(await self._of(request).get(like))
        return await self._form(request, values, {})

    async def submit(self, request: Request) -> Response:
        """Stores the job and goes to it; with what was wrong, the same form again."""
        fields = await read_form(request)
        values = forms.sent(fields)
        key = first(fields, "key")
        try:
            spec = self._spec(values)
            # The same form with the same fields is the same job, however often it is sent.
            same = fixed_id(minted_at(_minted(key)), key, spec.model_dump_json())
            job = await self._of(request).submit(spec, key=same)
        except KaryaError as error:
            return await self._form(request, values, *_shown(error, values), key=key)
        return go_to(f"{ROOT}/jobs/{job.id}?done=submitted")

    async def preview(self, request: Request) -> Response:
        """The first instants, as soon as the schedule can be read, and every error for its field."""
        values = forms.sent(await read_form(request))
        preview: PreviewView | None = None
        errors: dict[str, list[str]] = {}
        try:
            preview = await self._of(request).preview(self._spec(values), _PREVIEWED)
        except KaryaError as error:
            errors, _ = _shown(error, values)
            preview = await self._of_schedule_alone(values)
        fields = sorted(forms.fields())
        zone = values["schedule.timezone"] if values["schedule.kind"] in ("cron", "rrule") else "UTC"
        context: dict[str, Any] = {"preview": preview, "errors": errors, "values": values, "zone": zone}
        return await self._site.render(request, "parts/preview.html", fields=fields, **context)

    async def show_edit(self, request: Request) -> Response:
        """The form with all that is stored of a job."""
        job = await self._of(request).get(request.path_params["id"])
        return await self._form(request, self._filled(job), {}, job=job)

    async def edit(self, request: Request) -> Response:
        """Stores what was changed, unless somebody else has changed the job meanwhile."""
        fields = await read_form(request)
        values = forms.sent(fields)
        job = await self._of(request).get(request.path_params["id"])
        try:
            if first(fields, "version") != str(job.version):
                raise InvalidInput.at("", _overtaken(job))
            changes = forms.changes(self._stored(job), self._spec(values).model_dump(mode="json"))
            if changes:
                await self._of(request).update(job.id, _one_way(changes))
        except KaryaError as error:
            return await self._form(request, values, *_shown(error, values), job=job)
        return go_to(f"{ROOT}/jobs/{job.id}?done={'changed' if changes else 'unchanged'}")

    async def _of_schedule_alone(self, values: Values) -> PreviewView | None:
        try:
            schedule = _SCHEDULE.validate_python(forms.written(values).wire["schedule"])
        except ValidationError:
            return None
        now = floor_millis(self._site.services.clock.now())
        return await asyncio.to_thread(PreviewView.of_schedule, schedule, now, _PREVIEWED)

    def _spec(self, values: Values) -> JobSpec[Action]:
        """The job that the form describes. Raises InvalidInput with all that is wrong."""
        written = forms.written(values)
        try:
            spec = self._spec_type.model_validate(written.wire)
        except ValidationError as error:
            unreadable = {found.field for found in written.errors}
            unreadable |= {"action"} if "steps" in unreadable else set()  # which is not missing then
            others = [e for e in invalid(error, written.wire).errors if e.field not in unreadable]
            raise InvalidInput([*written.errors, *others]) from None
        if written.errors:
            raise InvalidInput(written.errors)
        return spec

    def _filled(self, job: JobView) -> Values:
        wire = forms.wire_of(job)
        try:
            spec = self._spec_type.model_validate(wire)
        except ValidationError:  # its connector is gone: shown as it is stored
            return forms.filled(wire)
        written = {"action": forms.slim(spec.action)} if spec.action else {}
        several = {"steps": spec.steps, "hooks": spec.hooks}
        slim = {name: [forms.slim(part) for part in parts] for name, parts in several.items() if name in wire}
        return forms.filled({**wire, **written, **slim})

    def _stored(self, job: JobView) -> dict[str, Any]:
        try:
            return self._spec_type.model_validate(forms.wire_of(job)).model_dump(mode="json")
        except ValidationError:  # its connector is gone: then all of it counts as changed
            return {}

    async def _form(
        self,
        request: Request,
        values: Values,
        errors: Mapping[str, list[str]],
        status: HTTPStatus = HTTPStatus.OK,
        key: str = "",
        job: JobView | None = None,
    ) -> Response:
        return await self._site.render(
            request,
            "form.html",
            status,
            section="jobs",
            job=job,
            is_new=values == forms.blank(),
            values=values,
            errors=errors,
            key=key or new_id(self._site.services.clock.now()),
            kinds=_KINDS,
            works=_WORKS,
            types=self._types,
            methods=("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"),
            backoffs=[*Backoff],
            overlaps=[*Overlap],
            misfires=[*MisfirePolicy],
            triggers=[*Trigger],
        )


def action_types(spec_type: type[JobSpec[Action]]) -> list[str]:
    """The types of actions that can be run here."""
    schema = spec_type.model_json_schema()
    found = {
        definition["properties"]["type"].get("const")
        for definition in schema.get("$defs", {}).values()
        if "type" in definition.get("properties", {})
    }
    return sorted(name for name in found if isinstance(name, str))


def _shown(error: KaryaError, values: Values) -> tuple[dict[str, list[str]], HTTPStatus]:
    if isinstance(error, InvalidInput):
        return forms.placed(error.errors, values), HTTPStatus.UNPROCESSABLE_ENTITY
    status = HTTPStatus.FORBIDDEN if isinstance(error, Forbidden) else HTTPStatus.CONFLICT
    return forms.placed([FieldError("", str(error))], values), status


def _minted(key: str) -> str:
    try:
        minted_at(key)
    except ValueError:
        raise InvalidInput.at("", "this form is none of ours: load the page again") from None
    return key


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
