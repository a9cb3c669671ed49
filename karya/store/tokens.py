"""The bearer tokens: hashes only."""

from datetime import datetime

from karya.core.ports import Page
from karya.core.user import Token
from karya.store.client import AsyncDatabase, in_time
from karya.store.documents import token_document, token_entity
from karya.store.names import TOKENS
from karya.store.paging import NewestId

_LIST = NewestId("tokens")


class MongoTokens:
    """Implements `TokenRepository`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._tokens = database[TOKENS]

    async def add(self, token: Token) -> None:
        """See `TokenRepository.add`."""
        with in_time(self._tokens):
            await self._tokens.insert_one(token_document(token))

    async def find(self, digest: str, now: datetime) -> Token | None:
        """See `TokenRepository.find`."""
        unexpired = {"$or": [{"expires_at": None}, {"expires_at": {"$gt": now}}]}
        with in_time(self._tokens):
            document = await self._tokens.find_one({"digest": digest, **unexpired})
        return token_entity(document) if document else None

    async def of_user(self, user_id: str, *, cursor: str | None, limit: int) -> Page[Token]:
        """See `TokenRepository.of_user`."""
        with in_time(self._tokens):
            wanted = _LIST.behind({"user_id": user_id}, cursor)
            found = self._tokens.find(wanted).sort("_id", -1).limit(limit + 1)
            return _LIST.page(await found.to_list(None), limit, token_entity)

    async def revoke(self, token_id: str) -> bool:
        """See `TokenRepository.revoke`."""
        with in_time(self._tokens):
            return (await self._tokens.delete_one({"_id": token_id})).deleted_count == 1

    async def any(self) -> bool:
        """See `TokenRepository.any`."""
        with in_time(self._tokens):
            return await self._tokens.find_one({}, {"_id": 1}) is not None
