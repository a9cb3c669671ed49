"""Where the others find the dispatcher."""

import pytest

from karya.actors.cluster.scheduler_parts import advertised
from karya.core.errors import ConfigError
from karya.core.settings import QueueSettings


def asked() -> str:
    raise AssertionError("nobody had to ask for the address of the node")


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        (QueueSettings(), None),
        (QueueSettings(host="10.0.0.5"), None),
        (QueueSettings(host="10.0.0.5", advertise="node-1.example"), "node-1.example"),
        (QueueSettings(host="0.0.0.0", advertise="node-1.example"), "node-1.example"),
    ],
)
def test_what_the_settings_say(queue: QueueSettings, expected: str | None) -> None:
    assert advertised(queue, asked) == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_dispatcher_that_listens_everywhere_is_found_where_ray_finds_its_node(host: str) -> None:
    assert advertised(QueueSettings(host=host), lambda: "10.0.0.5") == "10.0.0.5"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_loopback_is_no_place_to_send_others_to(address: str) -> None:
    with pytest.raises(ConfigError, match=r"in queue\.advertise"):
        advertised(QueueSettings(host="0.0.0.0"), lambda: address)
