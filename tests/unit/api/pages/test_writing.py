"""The form over HTTP, as one has it without scripts: fields for every connector, a place for every error."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import pytest
from aiohttp import ClientSession
from pydantic import BaseModel, ConfigDict, Field

from karya.api.pages import forms
from karya.connectors.registry import action_types, load_connectors
from karya.core.action import Action
from karya.core.spec import spec_model
from karya.core.views import JobView
from tests.support.html_form import HtmlForm
from tests.support.memory_services import MemoryServices
from tests.unit.api.pages.conftest import HTML

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEW, PREVIEW = "/ui/jobs/new", "/ui/jobs/preview"


class Paint(BaseModel):
    """Something nested."""

    model_config = ConfigDict(extra="forbid")

    colour: Literal["red", "blue"] = "red"
    layers: int = 1


class SignAction(Action):
    """A sign on a wall.

    Nobody sees this paragraph.
    """

    type: Literal["sign"] = "sign"
    words: Annotated[str, Field(min_length=3, title="What it says", examples=["Mind the gap"])]
    """At least three letters."""
    big: bool = False
    sizes: Annotated[tuple[float, ...], Field(max_length=2)] = ()
    paint: Paint = Paint()


SPEC = spec_model((*action_types(load_connectors({})), SignAction))
KINDS = forms.Kinds.of(SPEC)


@pytest.fixture(scope="module")
def module_services() -> MemoryServices:
    """Those of a gateway where somebody has installed one more connector."""
    services = MemoryServices()
    services.jobs.spec_type = SPEC
    return services


@dataclass
class Form:
    """One page with a form, and what came with it."""

    status: int
    text: str
    where: str | None

    @property
    def form(self) -> HtmlForm:
        return HtmlForm(self.text, "job-form")

    @property
    def fields(self) -> dict[str, str]:
        return self.form.fields

    @property
    def read(self) -> str:
        """What people see of it."""
        return " ".join(re.sub(r"<[^>]*>", " ", self.text).split())

    def error(self, field: str) -> str:
        """What stands beside a field."""
        found = re.search(rf'<p class="error" id="e-{field.replace(".", "-")}">([^<]*)</p>', self.text)
        assert found, f"no place for errors of {field}"
        return found[1]


class Writer:
    """Somebody who fills forms in."""

    def __init__(self, client: ClientSession) -> None:
        self.client = client

    async def open(self, path: str = NEW) -> Form:
        async with self.client.get(path, headers=HTML) as answer:
            return Form(answer.status, await answer.text(), None)

    async def send(self, path: str = NEW, **fields: str) -> Form:
        headers = {**HTML, "origin": str(self.client._base_url).rstrip("/")}
        async with self.client.post(path, data=fields, headers=headers, allow_redirects=False) as answer:
            return Form(answer.status, await answer.text(), answer.headers.get("location"))

    async def wish(self, form: Form, wish: str, path: str = NEW, **fields: str) -> Form:
        """Presses a button of the form."""
        return await self.send(path, **{**form.fields, **fields, "do": wish})


@pytest.fixture
def writer(client: ClientSession) -> Writer:
    return Writer(client)


@pytest.mark.parametrize("kind", KINDS.actions)
async def test_every_error_has_a_place_and_every_link_leads_to_one(writer: Writer, kind: str) -> None:
    form = await writer.send(**{"action.type": kind, "do": "fields"})
    form = await writer.wish(form, "add.hooks", work="steps")
    form = await writer.wish(form, "add.steps", **{"hooks.0.action.type": kind})
    ids = form.form.ids
    assert len(ids) == len(set(ids))
    for place in forms.places(forms.sent({k: [v] for k, v in form.fields.items()}, KINDS)):
        # One more of them stands beside what no field can show, and only then.
        if place not in ("view", "json") and not place.endswith("_more"):
            assert f"e-{place.replace('.', '-') or 'form'}" in ids, place
    wrong = await writer.send(**{**form.fields, "schedule.at": "soon", "steps.0.name": ""})
    links = re.findall(r'href="#([^"]+)"', wrong.text.partition('role="alert"')[2])
    assert set(links) >= {"f-steps-0-name", "f-schedule-at"}
    assert set(links) <= set(wrong.form.ids)


async def test_a_connector_that_somebody_installed_has_a_form_of_its_own(
    writer: Writer, memory: MemoryServices
) -> None:
    form = await writer.wish(await writer.open(), "fields", **{"action.type": "sign"})
    assert '<option value="sign" selected>sign (sign)</option>' in form.text
    assert "A sign on a wall." in form.read and "Nobody sees" not in form.read
    assert '<label for="f-action-words" class="must">What it says</label>' in form.text
    assert "At least three letters" in form.read
    assert 'placeholder="Mind the gap"' in form.text
    assert (form.fields["action.big"], form.fields["action.paint.colour"]) == ("false", "")

    filled = {
        "action.words": "no",
        "action.big": "true",
        "action.sizes": "1\n2.5\nx",
        "action.paint.colour": "blue",
    }
    wrong = await writer.send(**{**form.fields, **filled})
    assert wrong.status == 422
    assert wrong.error("action.words") == "must have at least 3 characters"
    assert wrong.error("action.sizes") == "number 3: must be a number"
    assert "What it says : must have" in wrong.read
    assert memory.jobs.jobs == {}

    right = await writer.send(**{**wrong.fields, "action.words": "Mind the gap", "action.sizes": "1\n2.5"})
    assert right.status == 303
    (job,) = memory.jobs.jobs.values()
    assert SPEC.model_validate(forms.wire_of(await memory.jobs.get(job.id))).action == SignAction(
        words="Mind the gap", big=True, sizes=(1, 2.5), paint=Paint(colour="blue")
    )


async def test_errors_are_told_by_the_label_of_their_field(writer: Writer) -> None:
    form = await writer.wish(await writer.open(), "fields", **{"action.type": "email"})
    given = {"action.to": "ada@example.com\nnobody", "action.subject": ""}
    for path in (NEW, PREVIEW):
        answer = await writer.send(path, **{**form.fields, **given})
        assert re.search(r"To : number 2: an address such as", answer.read), path
        assert re.search(r"Subject : required", answer.read), path
        assert "action.subject" not in answer.read, path
    form = await writer.wish(form, "add.hooks", **given)
    answer = await writer.send(PREVIEW, **{**form.fields, "hooks.0.action.url": "no url"})
    assert "Hook 1, URL : an absolute" in answer.read
    assert 'data-at="e-hooks-0-action-url"' in answer.text


async def test_a_model_may_find_the_action_as_a_whole_wrong(writer: Writer) -> None:
    form = await writer.wish(await writer.open(), "fields", **{"action.type": "slack"})
    wrong = await writer.send(**{**form.fields, "action.channel": "#c"})
    assert wrong.error("action") == "a message needs a text, blocks, or both"
    assert "Action : a message needs" in wrong.read


async def test_what_cannot_be_read_is_not_called_missing_as_well(writer: Writer) -> None:
    form = await writer.wish(await writer.open(), "fields", **{"action.type": "chain"})
    wrong = await writer.send(**{**form.fields, "action.job": "{"})
    assert wrong.error("action.job").startswith("not JSON")
    assert "required" not in wrong.error("action.job")


async def test_nothing_is_stored_by_a_wish(writer: Writer, memory: MemoryServices) -> None:
    form = await writer.open()
    key = form.fields["key"]
    form = await writer.wish(form, "add.steps", **{"action.type": "noop", "work": "steps"})
    form = await writer.wish(form, "add.steps", **{"steps.0.name": "one"})
    assert form.fields["steps.1.after"] == "one"
    assert 'name="steps.1.name" aria-describedby="e-steps-1-name" aria-required="true" autofocus' in form.text
    form = await writer.wish(form, "add.steps", **{"steps.1.name": "two", "steps.1.action.type": "noop"})
    form = await writer.wish(form, "remove.steps.0", **{"steps.2.name": "three", "steps.1.after": ""})
    assert [form.fields[f"steps.{number}.name"] for number in (0, 1)] == ["two", "three"]
    assert "steps.2.name" not in form.fields
    assert form.fields["key"] == key
    assert memory.jobs.jobs == {}
    sent = await writer.send(**{**form.fields, "steps.1.action.type": "noop"})
    assert sent.status == 303
    (job,) = memory.jobs.jobs.values()
    assert [(step.name, step.after) for step in job.steps] == [("two", ()), ("three", ("two",))]


STEPS: dict[str, Any] = {
    "description": "two\nlines",
    "steps": [
        {"name": "a", "action": {"type": "kafka", "topic": "t", "key": " k ", "value": {"n": 1}}},
        {
            "name": "b",
            "after": ["a"],
            "action": {"type": "email", "to": "a@example.com", "subject": "s", "text": "x\n\ny"},
            "retry": {"max_attempts": 2},
        },
    ],
    "hooks": [{"trigger": "ON_SUCCESS", "action": {"type": "python", "function": "a:b", "args": [1, "1"]}}],
}


async def test_an_edit_changes_what_was_changed_and_nothing_else(
    writer: Writer, memory: MemoryServices
) -> None:
    job = await memory.jobs.submit(SPEC.model_validate(STEPS))
    path = f"/ui/jobs/{job.id}/edit"
    form = await writer.open(path)
    assert (await writer.send(path, **form.fields)).where == f"/ui/jobs/{job.id}?done=unchanged"
    wished = await writer.wish(form, "fields", path)
    assert wished.fields == form.fields
    assert (await writer.send(path, **{**form.fields, "steps.1.action.subject": "t"})).where is not None
    changed = SPEC.model_validate(forms.wire_of(await memory.jobs.get(job.id)))
    first, second = STEPS["steps"]
    mended = {**second, "action": {**second["action"], "subject": "t"}}
    assert changed == SPEC.model_validate({**STEPS, "steps": [first, mended]})


async def test_a_wish_does_not_hide_that_a_job_was_overtaken(writer: Writer, memory: MemoryServices) -> None:
    job = await memory.jobs.submit(SPEC.model_validate(STEPS))
    path = f"/ui/jobs/{job.id}/edit"
    form = await writer.open(path)
    await memory.jobs.update(job.id, {"description": "somebody else's"})
    form = await writer.wish(form, "add.hooks", path)
    refused = await writer.send(path, **{**form.fields, "hooks.1.action.url": "http://x/"})
    assert refused.status == 422
    assert "the job was changed meanwhile" in refused.read


async def test_of_two_who_save_at_once_one_is_told(
    writer: Writer, memory: MemoryServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one saves between the look at the job and the change of it."""
    job = await memory.jobs.submit(SPEC.model_validate(STEPS))
    path = f"/ui/jobs/{job.id}/edit"
    form = await writer.open(path)
    get, looks = memory.jobs.get, list[str]()

    async def overtaken(job_id: str) -> JobView:
        seen = await get(job_id)
        if not looks:
            await memory.jobs.update(job_id, {"description": "somebody else's"})
        looks.append(job_id)
        return seen

    monkeypatch.setattr(memory.jobs, "get", overtaken)
    mine = {**form.fields, "description": "mine"}
    refused = await writer.send(path, **mine)
    assert (refused.status, refused.fields["description"]) == (422, "mine")
    assert "the job was changed meanwhile and is at version 2" in refused.read
    assert (await get(job.id)).description == "somebody else's"
    assert (await writer.send(path, **{**mine, "version": refused.fields["version"]})).where is not None
    assert (await get(job.id)).description == "mine"


async def test_the_whole_job_as_json_and_back(writer: Writer, memory: MemoryServices) -> None:
    job = await memory.jobs.submit(SPEC.model_validate(STEPS))
    path = f"/ui/jobs/{job.id}/edit"
    form = await writer.open(path)
    as_json = await writer.wish(form, "as-json", path)
    assert set(as_json.fields) == {"view", "version", "json"}
    wrong = as_json.fields["json"].replace('"ON_SUCCESS"', '"ON_TUESDAY"')
    for wish in ("", "as-fields"):
        refused = await writer.wish(as_json, wish, path, json=wrong)
        assert refused.status == 422
        assert "hooks.0.trigger: " in refused.error("json")
        assert refused.fields["json"] == wrong
    assert (await writer.send(path, **as_json.fields)).where == f"/ui/jobs/{job.id}?done=unchanged"
    assert (await writer.wish(as_json, "as-fields", path)).fields == form.fields
    broken = await writer.send(PREVIEW, view="json", json="{")
    assert "Job as JSON : not JSON" in broken.read


async def test_what_cannot_be_read_is_not_turned_into_json(writer: Writer) -> None:
    refused = await writer.wish(await writer.open(), "as-json", **{"action.headers": "no colon"})
    assert refused.status == 422
    assert "line 1" in refused.error("action.headers")


@pytest.mark.parametrize(("count", "view"), [(24, "fields"), (25, "json")])
async def test_a_job_with_very_many_steps_is_json(
    writer: Writer, memory: MemoryServices, count: int, view: str
) -> None:
    steps = [
        {"name": f"s{number}", "action": {"type": "rest", "url": "http://x/"}} for number in range(count)
    ]
    hook = {"trigger": "ON_RETRY", "action": {"type": "rest", "url": "http://x/"}}
    job = await memory.jobs.submit(SPEC.model_validate({"steps": steps, "hooks": [hook]}))
    path = f"/ui/jobs/{job.id}/edit"
    form = await writer.open(path)
    assert form.fields["view"] == view
    assert ('value="add.steps" disabled' in form.text) == (view == "fields")
    assert (await writer.send(path, **form.fields)).where == f"/ui/jobs/{job.id}?done=unchanged"


async def test_a_preview_knows_the_instants_while_the_action_is_wrong(writer: Writer) -> None:
    schedule = '{"kind": "cron", "expression": "0 3 * * *", "timezone": "Asia/Tokyo"}'
    answer = await writer.send(PREVIEW, view="json", json=f'{{"schedule": {schedule}}}')
    assert answer.read.count("03:00") == 10
    assert "Asia/Tokyo" in answer.read
    assert "action: give an action, or steps" in answer.read


async def test_a_form_that_is_sent_twice_is_one_job_which_begins_when_it_is_sent(
    writer: Writer, memory: MemoryServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it lay open."""
    form = await writer.open()
    later = datetime.now(UTC) + timedelta(minutes=10)
    monkeypatch.setattr(memory.services.clock, "now", lambda: later)
    fields = {**form.fields, "action.type": "noop"}
    first, again = await writer.send(**fields), await writer.send(**fields)
    assert first.where is not None
    assert first.where == again.where
    (job,) = memory.jobs.jobs.values()
    assert abs(job.created_at - later) < timedelta(seconds=1)
    assert (await writer.send(**{**fields, "description": "another"})).where not in (None, first.where)


async def test_a_form_with_a_key_of_its_own_making_is_refused(writer: Writer) -> None:
    form = await writer.open()
    refused = await writer.send(**{**form.fields, "action.type": "noop", "key": "mine"})
    assert refused.status == 422
    assert "this form is none of ours: load the page again" in refused.read
