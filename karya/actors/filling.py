"""Filling in the templates of an action before it runs."""

from typing import Any

import orjson

from karya.core.action import ActionText
from karya.core.ports import Claim, Claims
from karya.core.task import TaskKind
from karya.core.template import EVENT, STEPS, references, render


async def filled_in(claim: Claim, claims: Claims) -> ActionText:
    """The action of a claimed task with all of its templates filled in: those of a step from what the steps
    before it came to, those of a hook from the event that fired it.

    Raises TemplateError when one leads nowhere, StoreUnavailable when the results cannot be read.
    """
    if not claim.hint.templated:
        return claim.action
    if claim.hint.kind is TaskKind.HOOK:
        return render(claim.action, {EVENT: orjson.loads(claim.event or "null")})
    return render(claim.action, {STEPS: await _steps(claim, claims)})


async def _steps(claim: Claim, claims: Claims) -> dict[str, Any]:
    names = sorted({path[1] for path in references(claim.action) if path[0] == STEPS})
    results = await claims.results(claim.hint.job_id, claim.hint.cause or "", names)
    return {
        name: {"result": one.result, "status": one.status.value, "error": one.error}
        for name, one in results.items()
    }
