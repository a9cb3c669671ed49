"""Stored jobs as people would declare them: in few words, and without their secrets."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from karya.core.action import Action, NoopAction
from karya.core.documents import PlainLoader
from karya.core.policies import Misfire, Retention
from karya.core.references import escaped, redacted
from karya.core.retry import RetryPolicy
from karya.core.schedule import Cron, Interval, Once, Rrule
from karya.core.spec import JobSpec

_DEFAULTS = JobSpec[NoopAction](action=NoopAction()).model_dump(mode="json")
_SCHEDULES: Mapping[str, type[BaseModel]] = {"once": Once, "interval": Interval, "cron": Cron, "rrule": Rrule}
_POLICIES: Mapping[str, type[BaseModel]] = {"retry": RetryPolicy, "misfire": Misfire, "retention": Retention}
_LINE_ENDS = "\r\x85\u2028\u2029"
_TELLING = ("type", "kind")
_STEP_FIELDS: Mapping[str, Any] = {
    "after": [],
    "when": "success",
    "retry": None,
    "timeout": None,
    "pool": None,
}

Models = Mapping[str, type[Action]]
"""The models of actions, by type."""


def spec_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """What the client wrote of a job, from its wire form (JobView)."""
    spec = {field: job[field] for field in JobSpec.model_fields if field in job}
    del spec["action" if job["action"] is None else "steps"]
    return spec


def exported(spec: Mapping[str, Any], models: Models, *, with_secrets: bool = False) -> dict[str, Any]:
    """The job in few words: what goes without saying is left out, what sounds secret is marked as such."""
    short = {
        field: _short(field, value, models)
        for field, value in spec.items()
        if field not in _DEFAULTS or value != _DEFAULTS[field] or field in ("schedule", "action")
    }
    work = {field: short.pop(field) for field in ("action", "steps", "hooks") if field in short}
    plain = {field: escaped(value) for field, value in short.items()}
    return {**plain, **{field: _safe(value, with_secrets) for field, value in work.items()}}


def as_yaml(spec: Mapping[str, Any]) -> str:
    """One document."""
    return yaml.dump(spec, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _safe(value: Any, with_secrets: bool) -> Any:
    return escaped(value) if with_secrets else redacted(escaped(value))


def _short(field: str, value: Any, models: Models) -> Any:
    match field:
        case "schedule":
            return _without_defaults(value, _SCHEDULES[value["kind"]])
        case "retry" | "misfire" | "retention":
            return _without_defaults(value, _POLICIES[field])
        case "action":
            model = models.get(value["type"])
            return value if model is None else _without_defaults(value, model)
        case "steps":
            return [dict(_step(step, models)) for step in value]
        case "hooks":
            return [dict(_hook(hook, models)) for hook in value]
        case _:
            return value


def _step(step: Mapping[str, Any], models: Models) -> Iterator[tuple[str, Any]]:
    for field, value in step.items():
        if field not in _STEP_FIELDS or value != _STEP_FIELDS[field]:
            yield field, _short(field, value, models)


def _hook(hook: Mapping[str, Any], models: Models) -> Iterator[tuple[str, Any]]:
    for field, value in hook.items():
        if field != "retry" or value != _DEFAULTS["retry"]:
            yield field, _short(field, value, models)


def _without_defaults(value: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Without each field that the model fills in by itself."""
    kept = dict(value)
    for field in value:
        if field in _TELLING:
            continue
        fewer = {name: each for name, each in kept.items() if name != field}
        if _filled(fewer, model) == value:
            kept = fewer
    return kept


def _filled(value: Mapping[str, Any], model: type[BaseModel]) -> Any:
    try:
        return model.model_validate(value).model_dump(mode="json")
    except ValidationError:  # such as a template in the place of a number
        return None


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and every value where it belongs."""

    yaml_implicit_resolvers = PlainLoader.yaml_implicit_resolvers

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's
        """See PyYAML: no anchors."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Lines as lines; what YAML takes for the end of a line, and is none here, is escaped."""
    odd = any(character in text for character in _LINE_ENDS)
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if odd else "|" if "\n" in text else None
    )


_Dumper.add_representer(str, _text)
