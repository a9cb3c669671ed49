"""Every setting of Karya, section by section."""

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from karya.core.pools import DEFAULT_POOL, PoolName
from karya.core.text import Shaped
from karya.core.times import Duration

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PositiveDuration = Annotated[Duration, Field(gt=timedelta(0))]
Port = Annotated[int, Field(ge=0, le=65_535)]
WorkerCount = Annotated[int, Field(ge=0, le=1_000)]
Slots = Annotated[int, Field(ge=1, le=10_000)]
Amount = Annotated[float, Field(ge=0)]
PlainName = Annotated[str, Shaped(r"[A-Za-z0-9_-]{1,60}", "a name is 1 to 60 letters, digits, _ and -")]

Origin = Annotated[
    str,
    Shaped(
        r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?",
        "an origin is SCHEME://HOST[:PORT] and no more, such as https://jobs.example.com",
    ),
]
"""SCHEME://HOST[:PORT], as browsers send it: no path, no slash at the end, no wildcard."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class StoreSettings(_Section):
    """Where jobs and tasks are kept. Without a `url` an embedded mongod runs in the data directory."""

    provider: Literal["mongodb"] = "mongodb"
    url: Annotated[str | None, Field(repr=False)] = None
    database: PlainName = "karya"
    timeout: PositiveDuration = timedelta(seconds=5)
    cache_mb: Annotated[int, Field(ge=256, le=65_536)] = 1024
    """The cache of the embedded mongod (WiredTiger), in MiB."""


class LocksSettings(_Section):
    """Who keeps the leases."""

    provider: Literal["mongodb"] = "mongodb"


class QueueSettings(_Section):
    """The sockets between scheduler and workers; port 0 takes a free one, which is published in the lock.

    Beyond loopback only those may connect who hold the keys of the cluster.
    """

    provider: Literal["zeromq"] = "zeromq"
    host: str = "127.0.0.1"
    """An address of the node on which the scheduler runs; 0.0.0.0 and :: are all of them."""
    advertise: str | None = None
    """The name or address, without the port, under which workers reach `host`, where that is another one."""
    port: Port = 0
    heartbeat: PositiveDuration = timedelta(seconds=1)
    """A worker silent for three heartbeats is dropped."""

    @field_validator("host")
    @classmethod
    def _is_an_address(cls, host: str) -> str:
        if _address(host) is None:
            raise ValueError("must be an IP address of the node, such as 10.0.0.5; 0.0.0.0 is all of them")
        return host

    @field_validator("advertise")
    @classmethod
    def _can_be_connected_to(cls, advertise: str | None) -> str | None:
        if advertise is None:
            return None
        address = _address(advertise)
        if address.is_unspecified if address else not _HOST_NAME.fullmatch(advertise):
            raise ValueError("must be one name or address to which workers can connect, without a port")
        return advertise

    @model_validator(mode="after")
    def _is_reachable(self) -> "QueueSettings":
        if self.is_local and self.advertise is not None:
            raise ValueError("advertise leads nowhere while queue.host is loopback: set that, too")
        return self

    @property
    def is_local(self) -> bool:
        """Whether it serves loopback only: then nobody needs keys."""
        address = _address(self.host)
        return address is not None and address.is_loopback

    @property
    def is_everywhere(self) -> bool:
        """Whether it serves all addresses of its node: then it takes another one to connect to."""
        address = _address(self.host)
        return address is not None and address.is_unspecified


_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None


class GatewaySettings(_Section):
    """The HTTP gateway."""

    host: str = "127.0.0.1"
    port: Port = 8080
    allowed_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    """Host headers that are answered (protection against DNS rebinding); "*" allows any."""
    require_tokens: bool = False
    """Asks for a token even on loopback; a gateway that listens beyond it always does."""
    open_metrics: bool = False
    """Lets Prometheus read /metrics without a token."""
    cors_origins: tuple[Origin, ...] = ()
    """Web pages of which other origins may ask, such as https://jobs.example.com."""

    @property
    def needs_tokens(self) -> bool:
        """Whether a request has to say who sends it."""
        return self.require_tokens or self.host not in LOOPBACK


class SchedulerSettings(_Section):
    """The singleton scheduler."""

    poll: PositiveDuration = timedelta(seconds=1)
    look_ahead: PositiveDuration = timedelta(seconds=2)
    """How long before its instant a task is read; longer than `poll`, so that none is missed."""
    lease: PositiveDuration = timedelta(seconds=20)
    """How long its leadership outlives it; renewed every quarter."""
    resend_after: PositiveDuration = timedelta(seconds=3)
    """A hint that nobody claimed is sent again after this."""
    batch: Annotated[int, Field(ge=1, le=10_000)] = 2_000
    sweep: PositiveDuration = timedelta(seconds=5)
    """How often expired leases, cut chains and unsettled jobs are looked for."""

    @model_validator(mode="after")
    def _sees_far_enough(self) -> "SchedulerSettings":
        if self.look_ahead <= self.poll:
            raise ValueError(
                "look_ahead must be longer than poll, or tasks would be found after their instant"
            )
        return self


class PoolSettings(_Section):
    """A pool of workers, which jobs ask for by name: how many there are, and on which nodes they may run."""

    count: WorkerCount = 1
    """How many workers it never has fewer of."""
    max_count: WorkerCount | None = None
    """To how many it grows with its backlog; without it, it stays at `count`."""
    slots: Slots | None = None
    """How many tasks one worker runs at once; else `worker.slots`."""
    num_cpus: Amount = 0.0
    """What each worker claims of its node (Ray's logical resources), and so on which nodes there is room."""
    num_gpus: Amount = 0.0
    resources: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_had(self) -> "PoolSettings":
        if self.max_count is not None and self.max_count < self.count:
            raise ValueError(f"max_count must be at least count ({self.count})")
        if not self.most:
            raise ValueError("a pool needs count or max_count above 0")
        return self

    @property
    def most(self) -> int:
        """How many workers it never has more of."""
        return self.count if self.max_count is None else self.max_count


class WorkerSettings(_Section):
    """The workers, and the pool of those jobs that ask for none."""

    count: Annotated[int, Field(ge=1, le=1_000)] = 2
    max_count: WorkerCount | None = None
    """To how many the default pool grows with its backlog; without it, it stays at `count`."""
    slots: Slots = 100
    """How many tasks one worker runs at once."""
    num_cpus: Amount = 0.0
    num_gpus: Amount = 0.0
    resources: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    lease: PositiveDuration = timedelta(seconds=20)
    """How long a task outlives its worker before it is tried again; renewed every quarter."""
    grace: PositiveDuration = timedelta(seconds=10)
    """How long a stopping worker lets running tasks finish before it hands them back."""
    shrink_after: PositiveDuration = timedelta(minutes=1)
    """For how long fewer workers must have sufficed before a pool shrinks to so many."""

    @model_validator(mode="after")
    def _makes_a_pool(self) -> "WorkerSettings":
        if self.max_count is not None and self.max_count < self.count:
            raise ValueError(f"max_count must be at least count ({self.count})")
        return self

    @property
    def pool(self) -> PoolSettings:
        """The default pool."""
        return PoolSettings(
            count=self.count,
            max_count=self.max_count,
            num_cpus=self.num_cpus,
            num_gpus=self.num_gpus,
            resources=self.resources,
        )


class RaySettings(_Section):
    """The Ray cluster. Without an `address` one is started on this machine and stopped with Karya."""

    address: str | None = None
    namespace: PlainName = "karya"


class LogSettings(_Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class TracesSettings(_Section):
    """OpenTelemetry traces, which take `karya[traces]`. What is not set here is for the standard variables
    OTEL_* in the environment of the actors."""

    enabled: bool = False
    endpoint: str | None = None
    """The URL to which traces are posted (OTLP over HTTP), with its path; else
    OTEL_EXPORTER_OTLP_ENDPOINT, or http://localhost:4318/v1/traces."""

    @field_validator("endpoint")
    @classmethod
    def _is_a_url(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and not re.fullmatch(r"https?://[!-~]+", endpoint):
            raise ValueError("must be a URL with its path, such as http://localhost:4318/v1/traces")
        return endpoint


class Settings(_Section):
    """All of it."""

    data_dir: str = ".karya"
    store: StoreSettings = StoreSettings()
    locks: LocksSettings = LocksSettings()
    queue: QueueSettings = QueueSettings()
    gateway: GatewaySettings = GatewaySettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    worker: WorkerSettings = WorkerSettings()
    pools: dict[PoolName, PoolSettings] = Field(default_factory=dict)
    """Further pools of workers by the names under which jobs ask for them."""
    ray: RaySettings = RaySettings()
    log: LogSettings = LogSettings()
    traces: TracesSettings = TracesSettings()
    connectors: dict[str, dict[str, Any]] = Field(default_factory=dict, repr=False)
    """By the type of its actions, the settings of each connector: checked by the connector's own model."""

    @field_validator("pools")
    @classmethod
    def _not_the_default(cls, pools: dict[str, PoolSettings]) -> dict[str, PoolSettings]:
        if DEFAULT_POOL in pools:
            raise ValueError(f"the pool {DEFAULT_POOL!r} is the one below 'worker'")
        return pools

    @property
    def all_pools(self) -> Mapping[str, PoolSettings]:
        """Every pool by its name, the default one first."""
        return {DEFAULT_POOL: self.worker.pool, **self.pools}

    def slots_of(self, pool: str) -> int:
        """How many tasks one worker of this pool runs at once."""
        return self.all_pools[pool].slots or self.worker.slots
