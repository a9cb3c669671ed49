"""One cluster with every connector that upstream has, and upstream's clients in front of it."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.elsewhere import elsewhere
from tests.support.kafka import Broker, running_broker
from tests.support.mail import MailServer
from tests.support.running import Running, running
from tests.support.slack import accepted
from tests.support.target import Target
from tests.support.upstream_clients import UpstreamClient, node_client, python_client, talking
from tests.support.upstream_plans import Planner

ORIGIN = "https://karya-ui.example.com"
_COMMANDS = {"python": python_client, "node": node_client}


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    with Target.running() as started:
        started.at("/api/chat.postMessage", accepted())
        yield started


@pytest.fixture(scope="package")
def mail() -> Iterator[MailServer]:
    with elsewhere(MailServer()) as started:
        yield started


@pytest.fixture(scope="package")
def broker() -> Iterator[Broker]:
    with elsewhere(running_broker()) as started:
        yield started


@pytest.fixture(scope="package")
def karya(
    tmp_path_factory: pytest.TempPathFactory, target: Target, mail: MailServer, broker: Broker
) -> Iterator[Running]:
    connectors = {
        "slack": {"token": "xoxb-test", "base_url": f"{target.url}/api/"},
        "email": {"host": "127.0.0.1", "port": mail.port, "security": "none", "sender": "karya@example.com"},
        "kafka": {"bootstrap_servers": [broker.address], "idempotent": False},  # not among its APIs
    }
    directory = tmp_path_factory.mktemp("compat")
    with running(directory, connectors=connectors, gateway__cors_origins=[ORIGIN]) as started:
        yield started


@pytest.fixture(scope="package", params=sorted(_COMMANDS))
def client(karya: Running, request: pytest.FixtureRequest) -> Iterator[UpstreamClient]:
    with talking(_COMMANDS[request.param](), karya.cluster.url) as started:
        yield started


@pytest.fixture
def planner(client: UpstreamClient) -> Planner:
    return Planner(client)


@pytest.fixture
def path() -> str:
    """A path of the target that no other test uses."""
    return f"/{uuid.uuid4()}"
