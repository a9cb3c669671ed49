"""The kinds of parts that a job has, each with its controls: actions, steps and hooks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from karya.api.pages.forms.controls import Control, Schema, controls_of, plain
from karya.core.action import Action
from karya.core.spec import JobSpec

AS_JSON = ""
"""The type of an action that is written as JSON."""

_FIRST = "rest"
_IN_WORDS = frozenset({"after", "retry.retry_on"})
"""Lists of names, which stand in one line."""


@dataclass(frozen=True, slots=True)
class ActionKind:
    """What a connector runs."""

    type: str
    title: str
    about: str
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class Kinds:
    """All that this gateway knows of."""

    actions: Mapping[str, ActionKind]
    step: tuple[Control, ...]
    """Those of a step besides its action."""
    hook: tuple[Control, ...]

    @classmethod
    def of(cls, spec_type: type[JobSpec[Action]]) -> "Kinds":
        """The kinds of parts that such a job may have."""
        schema = spec_type.model_json_schema()
        definitions = schema["$defs"]
        return cls(
            actions={kind.type: kind for kind in sorted(_actions(definitions), key=lambda kind: kind.title)},
            step=_own(schema, "steps"),
            hook=_own(schema, "hooks"),
        )

    @property
    def first(self) -> str:
        """The type of a new action."""
        return _FIRST if _FIRST in self.actions else next(iter(self.actions), AS_JSON)

    def controls(self, action_type: str) -> tuple[Control, ...]:
        """Those of an action of this type; none for what is not known here, or written as JSON."""
        kind = self.actions.get(action_type)
        return kind.controls if kind else ()


def _actions(definitions: Schema) -> Iterator[ActionKind]:
    for name, model in definitions.items():
        action_type = model.get("properties", {}).get("type", {}).get("const")
        if isinstance(action_type, str):
            title = model["title"] if model["title"] != name else action_type
            about = " ".join(model.get("description", "").partition("\n\n")[0].replace("`", "").split())
            controls = controls_of(model, definitions, frozenset({"type"}))
            yield ActionKind(action_type, title, about, controls)


def _own(schema: Mapping[str, Any], name: str) -> tuple[Control, ...]:
    definitions = schema["$defs"]
    model = plain(schema["properties"][name]["items"], definitions)
    return controls_of(model, definitions, frozenset({"action"}), _IN_WORDS)
