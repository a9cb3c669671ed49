"""The store of a cluster that does not run, for those who want to look into it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from karya.actors.cluster.wiring import auditor_of
from karya.core.errors import ConfigError, existing
from karya.core.ports import UserRepository
from karya.core.queries import AuditQuery
from karya.core.settings import Settings, StoreSettings
from karya.core.views import AuditPage
from karya.store.datadir import DataDirectory
from karya.store.embedded import EmbeddedMongod
from karya.store.provider import MongoStore


async def audit_store(settings: StoreSettings, url: str, query: AuditQuery) -> AsyncIterator[AuditPage]:
    """The pages of an audit of the MongoDB at this URL, whether or not a cluster uses it. Nothing is written.
    Raises StoreUnavailable, NotFound."""
    store = MongoStore(settings, url)
    try:
        auditor, query = auditor_of(store), await _by_id(query, store.users)
        cursor: str | None = None
        while True:
            page = await auditor.audit(query, cursor=cursor)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return
    finally:
        store.close()


async def _by_id(query: AuditQuery, users: UserRepository) -> AuditQuery:
    """The same, where it may name its user, too. Raises NotFound for a user who is not there."""
    if (name := query.user_id) is None:
        return query
    user = await users.get(name) or await users.named(name)
    return query.model_copy(update={"user_id": existing(user, "user", name).id})


@contextmanager
def store_at_rest(settings: Settings) -> Iterator[str]:
    """The URL of the MongoDB that these settings name; else the embedded one of the data directory runs until
    the block ends, and the directory is held as long, so that no cluster starts on it.

    Raises ConfigError when there is nothing in the directory, or when it is in use.
    """
    if settings.store.url is not None:
        yield settings.store.url
        return
    path = Path(settings.data_dir).expanduser().absolute()
    if not (path / "mongo").is_dir():
        raise ConfigError(
            f"no cluster runs on the data directory {path}, and none has left anything there: name another "
            "one with --data-dir, a gateway with --url or a MongoDB with --mongo-url"
        )
    with DataDirectory(path):
        store = settings.store
        mongod = EmbeddedMongod(path, cache_mb=store.cache_mb, patience=store.timeout)
        try:
            mongod.start()
            yield mongod.url
        finally:
            mongod.stop()
