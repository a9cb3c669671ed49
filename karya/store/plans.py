"""Jobs, as upstream's clients look at them."""

from collections.abc import Sequence

from karya.core.job import LIVE_STATES
from karya.core.ports.plans import NumberedPage
from karya.store.client import AsyncDatabase, translated
from karya.store.documents import job_entity, readable
from karya.store.names import JOBS


class MongoPlans:
    """Implements `Plans`. Both lists are read along an index: by user, by ancestor."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._jobs = database[JOBS]

    async def page(self, user_id: str, number: int, size: int) -> NumberedPage:
        """See `Plans.page`."""
        wanted = {"user_id": user_id}
        with translated():
            total = await self._jobs.count_documents(wanted)
            found = self._jobs.find(wanted).sort("_id", -1).skip(number * size).limit(size)
            documents = await found.to_list(None)
        return NumberedPage(tuple(readable(documents, job_entity)), total)

    async def live_below(self, job_id: str, limit: int) -> Sequence[str]:
        """See `Plans.live_below`."""
        wanted = {"ancestors": job_id, "status": {"$in": [state.value for state in LIVE_STATES]}}
        with translated():
            return [
                job["_id"] for job in await self._jobs.find(wanted, {"_id": 1}).limit(limit).to_list(None)
            ]
