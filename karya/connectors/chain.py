"""The `chain` connector: submits another job as a child of the one that runs."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from karya.connectors.base import BaseConnector, ConnectorSettings
from karya.connectors.registry import Connectors, action_types
from karya.core.chaining import MAX_CHAINED_DEPTH, ChainAction, SpecRules
from karya.core.errors import Conflict, KaryaError, Unavailable
from karya.core.outcome import Failure, Outcome, Success
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import AttemptContext, Submit, Tools
from karya.core.spec import spec_model


class ChainSettings(ConnectorSettings):
    """How far jobs may chain others. The server holds submissions to it (`karya.core.chaining.SpecRules`)."""

    max_depth: Annotated[int, Field(ge=0, le=10)] = MAX_CHAINED_DEPTH
    """How many levels of chained jobs a job may hold; 0 forbids them."""
    strict: bool = True
    """Refuses chained actions in the steps of a recurring job."""


class ChainConnector(BaseConnector[ChainAction, ChainSettings]):
    """Hands the job to the worker's own way of submitting; a repeated attempt makes no second one."""

    action_type = ChainAction
    settings_type = ChainSettings

    def __init__(self, settings: ChainSettings) -> None:
        super().__init__(settings)
        self._submit: Submit | None = None

    async def open(self, tools: Tools) -> None:
        """Takes the way to submit jobs."""
        self._submit = tools.submit

    async def run(self, action: ChainAction, context: AttemptContext) -> Outcome:
        """Success holds {job_id}. A refused job or a cancelled parent is a permanent failure."""
        if self._submit is None:
            raise RuntimeError("this worker cannot submit jobs")
        try:
            return Success({"job_id": await self._submit(action.job, context)})
        except Unavailable as error:
            return Failure(str(error), code="unavailable")
        except Conflict as error:
            return Failure(str(error), permanent=True, code="conflict")
        except KaryaError as error:
            return Failure(f"the chained job is refused: {error}", permanent=True, code="refused")


def spec_rules(connectors: Connectors, pools: Collection[str] = (DEFAULT_POOL,)) -> SpecRules:
    """What a job must satisfy to be run by these connectors, as they are configured, in these pools."""
    chain = connectors.get("chain")
    settings = chain.settings if isinstance(chain, ChainConnector) else ChainSettings()
    return SpecRules(
        spec_type=spec_model(action_types(connectors)),
        refusal=connectors.refusal,
        max_depth=settings.max_depth,
        strict=settings.strict,
        pools=pools,
        with_token=connectors.needing_tokens,
    )
