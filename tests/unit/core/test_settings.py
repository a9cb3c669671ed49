"""Settings: file, then environment, then command line; whatever is wrong is refused by its name."""

from datetime import timedelta

import pytest

from karya.core.configuration import read_settings
from karya.core.errors import ConfigError
from karya.core.settings import Settings


def refusal(text: str = "", environ: dict[str, str] | None = None, **overrides: object) -> str:
    with pytest.raises(ConfigError) as caught:
        read_settings(
            text, environ or {}, {key.replace("__", "."): value for key, value in overrides.items()}
        )
    message = str(caught.value)
    assert "\n" not in message, "one clear line"
    return message


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "worker:\n", "store: {url: }", "store: {}"])
def test_nothing_said_means_the_defaults(text: str) -> None:
    assert read_settings(text, {}) == Settings()


def test_later_sources_win_key_by_key() -> None:
    text = "store: {url: file, database: file}\nworker: {count: 3, slots: 4}"
    environ = {"KARYA_STORE__URL": "environment", "KARYA_WORKER__COUNT": "5"}
    settings = read_settings(text, environ, {"store.url": "command-line", "worker.slots": None})
    assert (settings.store.url, settings.store.database) == ("command-line", "file")
    assert (settings.worker.count, settings.worker.slots) == (5, 4)


@pytest.mark.parametrize(
    "key", ["gateway.port", "scheduler.batch", "data_dir", "log.level", "queue.heartbeat"]
)
def test_every_key_can_be_set_by_the_environment(key: str) -> None:
    value = {"log.level": "debug", "queue.heartbeat": "PT7S"}.get(key, "77")
    settings = read_settings("", {"KARYA_" + key.upper().replace(".", "__"): value})
    assert settings.model_dump() != Settings().model_dump()


def test_environment_takes_json_for_lists_and_sections() -> None:
    environ = {
        "KARYA_GATEWAY__ALLOWED_HOSTS": '["a", "b"]',
        "KARYA_STORE": '{"database": "environment"}',
    }
    settings = read_settings("store: {url: file}", environ)
    assert settings.gateway.allowed_hosts == ("a", "b")
    assert (settings.store.url, settings.store.database) == ("file", "environment")


def test_other_variables_are_left_alone() -> None:
    assert read_settings("", {"KARYA_CONFIG": "x.yaml", "PATH": "/bin", "karya_store": "x"}) == Settings()


def test_durations_are_iso_8601() -> None:
    settings = read_settings("worker: {lease: PT0.5S}", {"KARYA_SCHEDULER__LOOK_AHEAD": "P1DT1S"})
    assert settings.worker.lease == timedelta(milliseconds=500)
    assert settings.scheduler.look_ahead == timedelta(days=1, seconds=1)


@pytest.mark.parametrize("value", ["5", "'5'", "PT0S", "-PT5S", "5s"])
def test_other_durations_are_refused(value: str) -> None:
    assert refusal(f"worker: {{lease: {value}}}").startswith("worker.lease: ")


@pytest.mark.parametrize(
    ("text", "environ", "message"),
    [
        ("store: {urk: x}", {}, "store.urk: unknown setting; did you mean store.url?"),
        ("stroe: {url: x}", {}, "stroe.url: unknown setting; did you mean store.url?"),
        ("zzz: 1", {}, "zzz: unknown setting"),
        ("5: 6", {}, "5: unknown setting"),
        (
            "",
            {"KARYA_WORKER__CUONT": "1"},
            "KARYA_WORKER__CUONT: unknown setting; did you mean worker.count?",
        ),
        (
            "",
            {"KARYA_WROKER__COUNT": "1"},
            "KARYA_WROKER__COUNT: unknown setting; did you mean worker.count?",
        ),
        ("", {"KARYA___X": "1"}, "KARYA___X: unknown setting"),
    ],
)
def test_unknown_key_is_refused_by_name_with_a_suggestion(
    text: str, environ: dict[str, str], message: str
) -> None:
    assert refusal(text, environ) == message


def test_unknown_override_is_refused_by_name() -> None:
    assert refusal(gateway__prot=1) == "gateway.prot: unknown setting; did you mean gateway.port?"


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"KARYA_WORKER__COUNT": "0"}, "KARYA_WORKER__COUNT"),
        ({"KARYA_WORKER__COUNT": "many"}, "KARYA_WORKER__COUNT"),
        ({"KARYA_GATEWAY__PORT": "65536"}, "KARYA_GATEWAY__PORT"),
        ({"KARYA_GATEWAY__ALLOWED_HOSTS": "a,b"}, "KARYA_GATEWAY__ALLOWED_HOSTS"),
        ({"KARYA_GATEWAY__ALLOWED_HOSTS": "[1]"}, "KARYA_GATEWAY__ALLOWED_HOSTS"),
        ({"KARYA_LOG__LEVEL": "loud"}, "KARYA_LOG__LEVEL"),
        ({"KARYA_STORE__DATABASE": "a/b"}, "KARYA_STORE__DATABASE"),
        ({"KARYA_STORE": "5"}, "KARYA_STORE"),
        ({"KARYA_STORE": "5", "KARYA_STORE__URL": "x"}, "KARYA_STORE__URL"),
        ({"KARYA_STORE__URL__X": "1"}, "KARYA_STORE__URL__X"),
        ({"KARYA_STORE": "{broken"}, "KARYA_STORE"),
    ],
)
def test_bad_value_names_the_variable_that_holds_it(environ: dict[str, str], name: str) -> None:
    assert refusal("", environ).startswith(name)


@pytest.mark.parametrize("text", ["store: 5", "store: []", "store: {url: {a: b}}", "store: {url: [x]}"])
def test_value_of_the_wrong_shape_names_its_key(text: str) -> None:
    assert refusal(text).startswith("store")


def test_section_that_the_environment_overwrites_with_a_value_names_the_variable() -> None:
    assert refusal("store: {url: file}", {"KARYA_STORE": "5"}).startswith("KARYA_STORE: ")


def test_every_mistake_is_named_at_once() -> None:
    message = refusal("worker: {count: 0, slotz: 1}", {"KARYA_LOG__LEVEL": "loud"})
    assert all(name in message for name in ("worker.count", "worker.slotz", "KARYA_LOG__LEVEL"))


@pytest.mark.parametrize("text", ["- 1", "5", "text", "[]"])
def test_document_that_is_no_mapping_is_refused(text: str) -> None:
    assert "mapping of sections" in refusal(text)


@pytest.mark.parametrize(
    "text", ["a: [", "a: 2026-13-45", "a: !!int x", "\x00", "? [a]\n: b", "a: !!python/x"]
)
def test_document_that_is_no_yaml_is_refused(text: str) -> None:
    assert refusal(text).startswith("the settings are no YAML")


@pytest.mark.parametrize(
    ("gateway", "needed"),
    [
        ("{host: 0.0.0.0}", True),
        ("{host: 127.0.0.1}", False),
        ("{host: localhost}", False),
        ("{host: '::1'}", False),
        ("{require_tokens: true}", True),
    ],
)
def test_a_gateway_beyond_loopback_needs_tokens(gateway: str, needed: bool) -> None:
    assert read_settings(f"gateway: {gateway}", {}).gateway.needs_tokens is needed


@pytest.mark.parametrize(
    ("host", "local", "everywhere"),
    [
        ("127.0.0.1", True, False),
        ("localhost", True, False),
        ("127.3.2.1", True, False),
        ("::1", True, False),
        ("10.0.0.5", False, False),
        ("fd00::5", False, False),
        ("0.0.0.0", False, True),
        ("::", False, True),
    ],
)
def test_the_queue_knows_how_far_it_is_heard(host: str, local: bool, everywhere: bool) -> None:
    queue = read_settings("", {"KARYA_QUEUE__HOST": host}).queue
    assert (queue.is_local, queue.is_everywhere) == (local, everywhere)


@pytest.mark.parametrize("host", ["", "*", "eth0", "node-1.example", "10.0.0", "[::1]", "10.0.0.5:7700"])
def test_the_queue_listens_at_an_address(host: str) -> None:
    with pytest.raises(ConfigError, match=r"^KARYA_QUEUE__HOST: must be an IP address of the node"):
        read_settings("", {"KARYA_QUEUE__HOST": host})


@pytest.mark.parametrize("endpoint", ["", "localhost:4318", "ftp://host", "http://a b"])
def test_traces_go_to_a_url(endpoint: str) -> None:
    assert read_settings("traces: {endpoint: http://otel:4318/v1/traces}", {}).traces.endpoint
    with pytest.raises(ConfigError, match=r"^traces\.endpoint: must be a URL"):
        read_settings(f"traces: {{endpoint: '{endpoint}'}}", {})


@pytest.mark.parametrize("advertise", ["node-1.example", "node_1", "10.0.0.5", "fd00::5", "localhost"])
def test_the_queue_is_found_under_a_name_or_an_address(advertise: str) -> None:
    text = f"queue: {{host: 0.0.0.0, advertise: '{advertise}'}}"
    assert read_settings(text, {}).queue.advertise == advertise


@pytest.mark.parametrize(
    "advertise", ["", "0.0.0.0", "::", "*", "tcp://node-1", "node-1:7700", "[fd00::5]", "a b", "-a", "a;b"]
)
def test_the_queue_is_found_under_nothing_else(advertise: str) -> None:
    with pytest.raises(ConfigError, match=r"^queue\.advertise: must be one name or address"):
        read_settings(f"queue: {{host: 0.0.0.0, advertise: '{advertise}'}}", {})


def test_a_queue_on_loopback_is_advertised_to_nobody() -> None:
    with pytest.raises(ConfigError, match=r"advertise leads nowhere while queue\.host is loopback"):
        read_settings("queue: {advertise: node-1.example}", {})


def test_the_look_ahead_reaches_beyond_the_next_poll() -> None:
    with pytest.raises(ConfigError, match="look_ahead must be longer than poll"):
        read_settings("scheduler: {poll: PT5S}", {})


def test_connectors_take_any_keys_from_file_and_environment() -> None:
    text = "connectors: {slack: {token: file, timeout: PT5S}, rest: {ca_files: {a.example: x, none: }}}"
    environ = {"KARYA_CONNECTORS__SLACK__TOKEN": "environment", "KARYA_CONNECTORS__EMAIL": '{"port": 25}'}
    assert read_settings(text, environ).connectors == {
        "slack": {"token": "environment", "timeout": "PT5S"},
        "rest": {"ca_files": {"a.example": "x"}},
        "email": {"port": 25},
    }


@pytest.mark.parametrize("text", ["connectors: {slack: 5}", "connectors: {slack: [1]}"])
def test_a_connector_has_a_section(text: str) -> None:
    assert refusal(text) == "connectors.slack: must be a mapping"


def test_secrets_are_referred_to() -> None:
    text = "store: {url: 'mongodb://k:${env:PW}@db'}\nconnectors: {slack: {token: '${file:/run/token}'}}"
    files = {"/run/token": "xoxb-1\n"}
    settings = read_settings(text, {"PW": "geheim"}, read_file=files.__getitem__)
    assert settings.store.url == "mongodb://k:geheim@db"
    assert settings.connectors == {"slack": {"token": "xoxb-1"}}


def test_only_the_url_and_connectors_refer_to_secrets() -> None:
    settings = read_settings("data_dir: '${env:HOME}'", {"HOME": "/root"}, read_file=str)
    assert settings.data_dir == "${env:HOME}"


def test_who_needs_no_secrets_need_not_have_them() -> None:
    settings = read_settings("connectors: {slack: {token: '${env:NOWHERE}'}}", {})
    assert settings.connectors == {"slack": {"token": "${env:NOWHERE}"}}


def test_a_missing_secret_is_named_as_it_was_given() -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings("", {"KARYA_CONNECTORS__SLACK__TOKEN": "${env:NOWHERE}"}, read_file=str)
    assert str(caught.value) == "KARYA_CONNECTORS__SLACK__TOKEN: ${env:NOWHERE}: that variable is not set"


def test_secrets_are_in_no_repr() -> None:
    settings = read_settings("store: {url: geheim}\nconnectors: {slack: {token: geheim}}", {})
    assert "geheim" not in repr(settings)
    assert "geheim" not in str(settings)


@pytest.mark.parametrize("text", ["store: {url: geheim}: x", "token: 'geheim", "a: [geheim"])
def test_broken_yaml_is_located_and_not_quoted(text: str) -> None:
    message = refusal(f"worker: {{count: 1}}\n{text}")
    assert "in line 2" in message or "in line 3" in message
    assert "geheim" not in message


def test_a_dotted_name_stands_for_its_sections() -> None:
    assert read_settings("store.url: x", {}).store.url == "x"


def test_a_worker_has_the_slots_of_its_pool_or_else_those_of_all() -> None:
    settings = read_settings("worker: {slots: 7}\npools: {gpu: {slots: 2}, large: {}}", {})
    assert [settings.slots_of(pool) for pool in settings.all_pools] == [7, 2, 7]
