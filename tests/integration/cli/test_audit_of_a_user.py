"""`karya audit --user` of a store that no cluster is asked about: by name or id, as with one."""

import asyncio
import json
import uuid

import pytest
from typer.testing import CliRunner, Result

from karya.actors.cluster.offline import _by_id
from karya.cli.exits import Exit
from karya.cli.main import app
from karya.core.queries import AuditQuery
from karya.core.settings import StoreSettings
from karya.core.user import Role, User
from karya.store.blocking_provider import MongoBlockingStore
from karya.store.provider import MongoStore
from tests.support.story import NOW


@pytest.fixture
def database(mongod_url: str) -> str:
    """The name of a prepared database in which ada is a user."""
    name = f"audit_{uuid.uuid4().hex}"

    settings, ada = StoreSettings(database=name), User(id="01a", name="ada", role=Role.USER, created_at=NOW)
    blocking = MongoBlockingStore(settings, mongod_url)
    blocking.prepare("tests")
    blocking.close()

    async def add() -> None:
        store = MongoStore(settings, mongod_url)
        await store.users.add(ada)
        store.close()

    asyncio.run(add())
    return name


def audited(url: str, database: str, user: str) -> Result:
    environment = {"KARYA_STORE__DATABASE": database}
    arguments = ["audit", "--mongo-url", url, "--user", user, "--json"]
    return CliRunner(env=environment).invoke(app, arguments)


@pytest.mark.parametrize("user", ["ada", "01a"])
def test_it_is_known_by_name_and_by_id(mongod_url: str, database: str, user: str) -> None:
    done = audited(mongod_url, database, user)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"]["jobs"] == 0

    async def meant() -> str | None:
        store = MongoStore(StoreSettings(database=database), mongod_url)
        try:
            return (await _by_id(AuditQuery(user_id=user), store.users)).user_id
        finally:
            store.close()

    assert asyncio.run(meant()) == "01a"


def test_nobody_is_an_error(mongod_url: str, database: str) -> None:
    done = audited(mongod_url, database, "nobody")
    assert (done.exit_code, done.stdout) == (Exit.NOT_FOUND, "")
    assert "no user 'nobody'" in done.stderr
