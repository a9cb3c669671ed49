"""Which settings a rolling restart takes over."""

from karya.actors.cluster.renewal import kept, renewed
from karya.core.configuration import read_settings
from karya.core.settings import Settings


def settings(text: str = "") -> Settings:
    return read_settings(text, {})


RUNNING = settings("gateway: {port: 9000, host: 127.0.0.1}\nworker: {count: 4}\nstore: {database: mine}")


def test_what_actors_work_by_is_taken_over() -> None:
    text = """
    worker: {count: 3, slots: 7}
    pools: {gpu: {count: 1}}
    scheduler: {poll: PT0.5S}
    gateway: {open_metrics: true, port: 9000}
    log: {level: warning}
    connectors: {slack: {token: xoxb}}
    store: {database: mine}
    """
    given = settings(text)
    assert renewed(RUNNING, given) == given
    assert kept(RUNNING, given) == ()


def test_what_the_cluster_stands_on_is_kept_and_named() -> None:
    text = """
    data_dir: elsewhere
    store: {url: "mongodb://secret@elsewhere"}
    queue: {heartbeat: PT2S}
    ray: {namespace: other}
    gateway: {host: 0.0.0.0, port: 9001, open_metrics: true}
    """
    given = settings(text)
    after = renewed(RUNNING, given)
    assert (after.data_dir, after.store, after.queue, after.ray) == (
        RUNNING.data_dir,
        RUNNING.store,
        RUNNING.queue,
        RUNNING.ray,
    )
    assert (after.gateway.host, after.gateway.port, after.gateway.open_metrics) == ("127.0.0.1", 9000, True)
    assert kept(RUNNING, given) == ("data_dir", "store", "queue", "ray", "gateway.host", "gateway.port")


def test_any_port_is_the_present_one() -> None:
    given = settings("gateway: {port: 0}\nstore: {database: mine}")
    assert kept(RUNNING, given) == ()
    assert renewed(RUNNING, given).gateway.port == 9000
