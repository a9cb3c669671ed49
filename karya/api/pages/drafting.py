"""From the fields of a form to a job that is checked, and from a job to the fields."""

from typing import Any

from pydantic import ValidationError

from karya.api.pages import forms
from karya.api.pages.forms import Values, Written
from karya.core.action import Action
from karya.core.errors import InvalidInput
from karya.core.fields import invalid
from karya.core.spec import JobSpec
from karya.core.views import JobView

MOST_PARTS = 25
"""Steps and hooks: a job with more of them is shown as JSON, for nobody reads a form that long."""


class Drafts:
    """The forms of jobs of this type."""

    def __init__(self, spec_type: type[JobSpec[Action]]) -> None:
        self._spec_type = spec_type
        self.kinds = forms.Kinds.of(spec_type)

    def written(self, values: Values) -> Written:
        """What the form says, unchecked."""
        return forms.written(values, self.kinds)

    def spec(self, values: Values) -> JobSpec[Action]:
        """The job that the form describes. Raises InvalidInput with all that is wrong."""
        written = self.written(values)
        if values["view"] == "json" and written.errors:
            raise InvalidInput(written.errors)
        try:
            spec = self._spec_type.model_validate(written.wire)
        except ValidationError as error:
            unreadable = {found.field for found in written.errors}
            wrong = invalid(error, written.wire, self._spec_type).errors
            raise InvalidInput([*written.errors, *(e for e in wrong if e.field not in unreadable)]) from None
        if written.errors:
            raise InvalidInput(written.errors)
        return spec

    def of_job(self, job: JobView) -> Values:
        """The form with all that is stored of a job."""
        wire = forms.wire_of(job)
        try:
            return self.of_spec(self._spec_type.model_validate(wire))
        except ValidationError:  # its connector is gone: shown as it is stored
            return self._shown(wire, wire)

    def of_spec(self, spec: JobSpec[Action]) -> Values:
        """The form with all of this job."""
        slim = forms.slim(spec)
        return self._shown({**spec.model_dump(mode="json"), **slim}, slim)

    def stored(self, job: JobView) -> dict[str, Any]:
        """What is stored of a job, as a model gives it."""
        try:
            return self._spec_type.model_validate(forms.wire_of(job)).model_dump(mode="json")
        except ValidationError:  # its connector is gone: then all of it counts as changed
            return {}

    def as_json(self, values: Values) -> Values:
        """The same form with the job as JSON. Raises InvalidInput for what cannot be read at all; whatever
        else is wrong can be mended there."""
        written = self.written(values)
        if written.errors:
            raise InvalidInput(written.errors)
        try:
            return forms.as_json(forms.slim(self.spec(values)), self.kinds)
        except InvalidInput:
            usual = self.written(forms.blank(self.kinds)).wire
            by_hand = {name: one for name, one in written.wire.items() if one != usual.get(name)}
            return forms.as_json(by_hand, self.kinds)

    def zone(self, values: Values) -> str:
        """The timezone in which the instants of the schedule are read."""
        schedule = self.written(values).wire.get("schedule")
        given = schedule if isinstance(schedule, dict) else {}
        return str(given.get("timezone", "UTC")) if given.get("kind") in ("cron", "rrule") else "UTC"

    def _shown(self, whole: dict[str, Any], slim: dict[str, Any]) -> Values:
        if sum(len(whole.get(name, ())) for name in forms.LISTS) > MOST_PARTS:
            return forms.as_json(slim, self.kinds)
        return forms.filled(whole, self.kinds)
