"""The operation that does not end: what happens, as it happens."""

from collections.abc import AsyncGenerator, Iterable

from karya.client.asking import Asking
from karya.client.following import Following
from karya.client.operation import Stream
from karya.client.request import Failure
from karya.client.sse import Standing
from karya.client.tries import Tries
from karya.core.views.events import EventView


class EventCalls(Asking):
    """Listen."""

    @Stream
    async def events(
        self,
        *,
        job: str | Iterable[str] = (),
        user: str | Iterable[str] = (),
        kind: str | Iterable[str] = (),
        after: str | None = None,
    ) -> AsyncGenerator[EventView, None]:
        """What happens, from the moment of the first step on, or from behind the event with the id `after`:
        of these jobs, of the jobs of these users, of these kinds or families such as `karya.task`; one of
        them, or several, up to 20 of each.

        It does not end by itself: leave the loop, or close the iterator. A connection that breaks is taken up
        again behind the last event, so that none is missing and none comes twice; when that does not succeed
        for `patience` seconds, Unavailable is raised. Raises PositionGone when what came behind `after`, or
        behind the last event, is not kept any more: begin again without `after`. Raises NotFound for a job,
        and InvalidInput, which names the filter.
        """
        given = {"job": job, "user": user, "kind": kind}
        query = {name: [one] if isinstance(one, str) else list(one) for name, one in given.items()}
        following = Following(self._transport, query, Standing(last_id=after or ""))
        tries: Tries | None = None
        try:
            while True:
                found = await following.next()
                if isinstance(found, Failure):
                    tries = tries or Tries(self._patience)
                    await self._wait_after(found, following.request, tries)
                    continue
                tries = None if following.hears else tries
                for text in found:
                    yield self._read(text, EventView)
        finally:
            following.close()
