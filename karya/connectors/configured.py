"""From the `connectors` section of the settings to connectors: each is checked by its own model."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from karya.connectors.base import BaseConnector, ConnectorSettings
from karya.connectors.installed import Installed, way_to_install
from karya.core.action import Action
from karya.core.errors import ConfigError
from karya.core.fields import humane
from karya.core.outcome import Failure, Outcome
from karya.core.ports import AttemptContext, Connector

SECTION = "connectors"


class Unconfigured(BaseConnector[Action, ConnectorSettings]):
    """Stands for a connector whose section is missing: its actions are known, and refused."""

    def __init__(self, action_type: type[Action], reason: str) -> None:
        super().__init__(ConnectorSettings())
        self.action_type = action_type
        self._reason = reason

    def refusal(self, action: Action) -> str | None:  # noqa: ARG002
        """What the settings lack."""
        return self._reason

    async def run(self, action: Action, context: AttemptContext) -> Outcome:  # noqa: ARG002
        """The same, as a permanent failure."""
        return Failure(self._reason, permanent=True, code="not_configured")


def configure(
    installed: Mapping[str, Installed], sections: Mapping[str, Mapping[str, Any]]
) -> dict[str, Connector]:
    """Every installed connector, made with its section.

    Raises ConfigError, which names every unknown section and every wrong key at once.
    """
    problems = [_unknown(name, installed) for name in sections if name not in installed]
    connectors: dict[str, Connector] = {}
    for name, one in installed.items():
        try:
            settings = one.settings_type.model_validate(sections.get(name, {}))
        except ValidationError as error:
            if name in sections:
                problems.extend(_explain(error, one))
            else:
                connectors[name] = Unconfigured(one.action_type, _absent(error, name))
        else:
            connectors[name] = one.made(settings)
    if problems:
        raise ConfigError("; ".join(problems))
    return connectors


def _absent(error: ValidationError, name: str) -> str:
    lacking = [f"{SECTION}.{name}.{_dotted(found['loc'])}" for found in error.errors() if found["loc"]]
    wanted = " and ".join(lacking) or f"{SECTION}.{name}"
    return f"the {name} connector is not configured: set {wanted} in karya.yaml"


def _unknown(name: str, installed: Mapping[str, Installed]) -> str:
    if requirement := way_to_install(name):
        return f"{SECTION}.{name}: its parts are not installed: pip install '{requirement}'"
    close = difflib.get_close_matches(name, installed, n=1)
    hint = f"did you mean {SECTION}.{close[0]}?" if close else f"there are {', '.join(sorted(installed))}"
    return f"{SECTION}.{name}: no such connector is installed; {hint}"


def _explain(error: ValidationError, one: Installed) -> Iterator[str]:
    for found in error.errors(include_url=False, include_input=False):
        path = ".".join(filter(None, (SECTION, one.name, _dotted(found["loc"]))))
        yield f"{path}: {_message(found, one.settings_type)}"


def _message(found: Mapping[str, Any], settings: type[BaseModel]) -> str:
    match found["type"]:
        case "missing":
            return "required"
        case "extra_forbidden":
            close = difflib.get_close_matches(str(found["loc"][-1]), _names(settings), n=1)
            return "unknown setting" + (f"; did you mean {close[0]}?" if close else "")
        case _:
            return humane(found["msg"])


def _names(settings: type[BaseModel]) -> Iterator[str]:
    """Every key of the section and of those below it."""
    for name, field in settings.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation)


def _dotted(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc))
