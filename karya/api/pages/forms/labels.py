"""What people read for the name of a field."""

import re
from typing import Final

from karya.api.pages.forms.kinds import Kinds
from karya.api.pages.forms.parts import MORE, Values, own_controls

LABELS: Final = {
    "description": "Description",
    "tags": "Tags",
    "name": "Name",
    "set": "Set",
    "user_id": "Owner",
    "json": "Job as JSON",
    "work": "It does",
    "action": "Action",
    "steps": "Steps",
    "hooks": "Hooks",
    "schedule": "Schedule",
    "schedule.kind": "It runs",
    "schedule.at": "At",
    "schedule.after": "Or after",
    "schedule.every": "Every",
    "schedule.expression": "Cron expression",
    "schedule.rule": "Rule",
    "schedule.timezone": "Timezone",
    "schedule.start_at": "From",
    "schedule.end_at": "Before",
    "schedule.max_runs": "At most",
    "schedule.exclude": "Not on",
    "schedule.jitter": "Up to so much later",
    "retry": "Retries",
    "retry.max_attempts": "Attempts",
    "retry.backoff": "Backoff",
    "retry.delay": "First wait",
    "retry.max_delay": "Longest wait",
    "retry.jitter": "Jitter of waits",
    "retry.retry_on": "Retried failures",
    "timeout": "Time-out of an attempt",
    "overlap": "While another one runs",
    "pool": "Pool",
    "priority": "Priority",
    "misfire": "Missed instants",
    "misfire.policy": "Instants that were missed",
    "misfire.grace": "Missed when later than",
    "misfire.window": "Made up within",
    "misfire.at_once": "Made up at once",
    "retention": "History",
    "retention.succeeded": "Keep successes",
    "retention.other": "Keep the rest",
    "retention.dead": "Keep dead letters",
    "concurrency": "Concurrency limit",
    "concurrency.key": "Concurrency key",
    "concurrency.limit": "At once at most",
    "rate": "Rate limit",
    "rate.key": "Rate key",
    "rate.limit": "Starts at most",
    "rate.per": "In any stretch of",
}
"""Of all that is no part of an action, a step or a hook."""

CONNECTOR: Final = "Connector"
_OF_ALL: Final = {"type": CONNECTOR, MORE: "Anything else"}
_NAMES: Final = {"steps": "Step", "hooks": "Hook"}
_PART = re.compile(r"(steps|hooks)\.(\d+)")


def label_of(field: str, values: Values, kinds: Kinds) -> str:
    """The words for a field, such as `Step 2, URL`; the path itself where there are none."""
    if field in LABELS:
        return LABELS[field]
    part = _PART.match(field)
    if part is None:
        return _in_action("action", field, values, kinds)
    words = f"{_NAMES[part[1]]} {int(part[2]) + 1}"
    inner = field[part.end() + 1 :]
    if not inner:
        return words
    if inner == "action":
        return f"{words}, {LABELS['action']}"
    if inner.startswith("action."):
        return f"{words}, {_in_action(f'{part[0]}.action', field, values, kinds)}"
    own = {control.name: control.label for control in own_controls(part[1], kinds)}
    return f"{words}, {own.get(inner) or _OF_ALL.get(inner, inner)}"


def _in_action(at: str, field: str, values: Values, kinds: Kinds) -> str:
    inner = field.removeprefix(f"{at}.")
    controls = {control.name: control.label for control in kinds.controls(values.get(f"{at}.type", ""))}
    return controls.get(inner) or _OF_ALL.get(inner, field)
