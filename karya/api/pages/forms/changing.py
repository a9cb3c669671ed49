"""The form with one step or hook more, or less."""

from karya.api.pages.forms.kinds import Kinds
from karya.api.pages.forms.parts import Values, blank_part, numbers, renumbered
from karya.core.hook import Trigger


def changed(values: Values, wish: str, kinds: Kinds) -> tuple[Values, str]:
    """The values after `add.steps` or `remove.hooks.0`, and the field to go on with; a list has a button to
    add to it. Unchanged, and no field, for what is no such wish."""
    match wish.split("."):
        case ["add", "steps"]:
            return _with_step(values, kinds)
        case ["add", "hooks"]:
            at = f"hooks.{len(numbers(values, 'hooks'))}"
            new = {**blank_part(at, kinds), f"{at}.trigger": Trigger.ON_FAILURE.value}
            return {**values, **new}, f"{at}.trigger"
        case ["remove", ("steps" | "hooks") as name, number]:
            kept = [one for one in numbers(values, name) if str(one) != number]
            return renumbered(values, name, kept), name
        case _:
            return values, ""


def _with_step(values: Values, kinds: Kinds) -> tuple[Values, str]:
    """The first one does what the single action did, every other one comes after the one before it."""
    count = len(numbers(values, "steps"))
    at = f"steps.{count}"
    if count:
        new = {**blank_part(at, kinds), f"{at}.after": values[f"steps.{count - 1}.name"]}
    else:
        only = {f"{at}.{name}": text for name, text in values.items() if name.startswith("action.")}
        new = {**blank_part(at, kinds, values["action.type"]), **only}
    return {**values, **new}, f"{at}.name"
