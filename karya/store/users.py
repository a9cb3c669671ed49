"""The users."""

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from karya.core.errors import Conflict
from karya.core.ports import Page
from karya.core.user import User, UserChange
from karya.store.client import AsyncDatabase, in_time
from karya.store.documents import user_document, user_entity
from karya.store.names import USERS
from karya.store.paging import NewestId

_LIST = NewestId("users")


class MongoUsers:
    """Implements `UserRepository`."""

    def __init__(self, database: AsyncDatabase) -> None:
        self._users = database[USERS]

    async def add(self, user: User) -> None:
        """See `UserRepository.add`."""
        with in_time(self._users):
            try:
                await self._users.insert_one(user_document(user))
            except DuplicateKeyError:
                if await self.get(user.id) != user:
                    raise Conflict(f"the name {user.name!r} is taken") from None

    async def get(self, user_id: str) -> User | None:
        """See `UserRepository.get`."""
        with in_time(self._users):
            document = await self._users.find_one({"_id": user_id})
        return user_entity(document) if document else None

    async def change(self, user_id: str, change: UserChange) -> User | None:
        """See `UserRepository.change`."""
        with in_time(self._users):
            document = await self._users.find_one_and_update(
                {"_id": user_id}, {"$set": change.model_dump()}, return_document=ReturnDocument.AFTER
            )
        return user_entity(document) if document else None

    async def named(self, name: str) -> User | None:
        """See `UserRepository.named`."""
        with in_time(self._users):
            document = await self._users.find_one({"name": name})
        return user_entity(document) if document else None

    async def list(self, *, cursor: str | None, limit: int) -> Page[User]:
        """See `UserRepository.list`."""
        with in_time(self._users):
            found = self._users.find(_LIST.behind({}, cursor)).sort("_id", -1).limit(limit + 1)
            return _LIST.page(await found.to_list(None), limit, user_entity)
