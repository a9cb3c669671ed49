"""Jobs, as upstream's clients look at them."""

from karya.core.ports.plans import NumberedPage
from karya.store.client import AsyncDatabase, in_time
from karya.store.documents import job_entity, readable
from karya.store.names import JOBS


class MongoPlans:
    """Implements `Plans`. The list is read along the index by user."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._jobs = database[JOBS]

    async def page(self, user_id: str, number: int, size: int) -> NumberedPage:
        """See `Plans.page`."""
        wanted = {"user_id": user_id}
        with in_time(self._jobs):
            total = await self._jobs.count_documents(wanted)
            found = self._jobs.find(wanted).sort("_id", -1).skip(number * size).limit(size)
            documents = await found.to_list(None)
        return NumberedPage(tuple(readable(documents, job_entity)), total)
