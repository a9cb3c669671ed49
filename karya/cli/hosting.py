"""A cluster that lives as long as a `with` block, and heeds signals at every moment of its life."""

import os
import signal
import socket
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from karya.cli.exits import Interrupted
from karya.cli.output import Tell
from karya.core.errors import Unavailable
from karya.core.settings import Settings

if TYPE_CHECKING:
    from karya.actors.cluster.lifecycle import Cluster

_QUIET_RAY = {
    "RAY_DISABLE_WORKER_LOG_PREFIX": "1",  # the actors' own lines say who speaks
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # it prints a stack trace at every SIGTERM
}


@dataclass(frozen=True)
class _Ready:
    """The cluster is ready."""


@dataclass(frozen=True)
class _Ended:
    """The cluster has stopped; `error` is what made it, None when it was asked to."""

    error: BaseException | None


_PAUSE = 0.1
_READY_SECONDS = 15

News = SimpleQueue["_Ready | _Ended | signal.Signals"]


class Hosted:
    """A running cluster, seen from the main thread."""

    def __init__(self, url: str, news: News) -> None:
        self.url = url
        self._news = news

    def wait(self, seconds: float | None = None) -> None:
        """Waits so long, or for ever. Raises Interrupted when a signal arrives, or what ended the cluster."""
        try:
            heard = self._news.get(timeout=seconds)
        except Empty:
            return
        raise _reason(heard)

    def await_readiness(self, patience: float) -> None:
        """Waits until jobs can run. Raises Unavailable with the reasons when they cannot after so many
        seconds: the lease of a scheduler elsewhere may have to run out first."""
        from karya.client import Client

        deadline = time.monotonic() + patience
        with Client(self.url, token="", patience=0) as client:
            while not (found := client.readiness()).ready:
                if time.monotonic() > deadline:
                    reasons = "; ".join(f"{part}: {reason}" for part, reason in found.reasons.items())
                    raise Unavailable(f"the cluster has started but is not ready: {reasons}")
                self.wait(_PAUSE)


@contextmanager
def hosted(settings: Settings, tell: Tell, *, log_to_driver: bool = False) -> Iterator[Hosted]:
    """A cluster that is ready; it is stopped, with all it started, when the block ends.

    SIGINT, SIGTERM and SIGHUP raise Interrupted: at once from the start, later from `Hosted.wait`. One
    that arrives while the cluster stops makes it hand back running tasks instead of waiting for them.
    Raises whatever keeps the cluster from starting.
    """
    news: News = SimpleQueue()
    tell = _even_if_nobody_listens(tell)
    with _signals_into(news):
        life = _Life(_make_cluster(settings, tell, log_to_driver), news)
        life.start()
        _await_start(life, news, tell)
        try:
            cluster = Hosted(life.cluster.url, news)
            cluster.await_readiness(settings.scheduler.lease.total_seconds() + _READY_SECONDS)
            yield cluster
        finally:
            tell("stopping; a second signal hands running tasks back")
            error = life.end()
            if error is not None:
                raise error


def _even_if_nobody_listens(tell: Tell) -> Tell:
    """A terminal or a pipe may be gone by the end: what cannot be told must not keep the cluster from being
    stopped, which then nobody could stop any more."""

    def told(text: str) -> None:
        with suppress(OSError):
            tell(text)

    return told


class _Life(threading.Thread):
    """Starts a cluster, watches it and stops it.

    In one thread, because the kernel ends Ray's processes together with the thread that started
    them; and not in the main one, because that must be free to hear signals, during the start too.
    """

    def __init__(self, cluster: "Cluster", news: News) -> None:
        super().__init__(name="cluster")
        self.cluster = cluster
        self._news = news
        self._stopping = threading.Event()

    def run(self) -> None:
        """The whole life."""
        try:
            with ExitStack() as stack:
                stack.callback(self.cluster.stop)
                self.cluster.start()
                self._news.put(_Ready())
                self.cluster.watch(self._stopping)
        except BaseException as error:  # Ray raises SystemExit, too
            self._news.put(_Ended(error))
        else:
            self._news.put(_Ended(None))

    def end(self) -> BaseException | None:
        """Waits until it is over, hurrying it with every signal; returns what went wrong meanwhile."""
        self._stopping.set()
        error: BaseException | None = None
        while self.is_alive() or not self._news.empty():
            with suppress(Empty):
                heard = self._news.get(timeout=_PAUSE)
                if isinstance(heard, signal.Signals):
                    self.cluster.interrupt()
                elif isinstance(heard, _Ended):
                    error = heard.error
        return error


def _await_start(life: _Life, news: News, tell: Tell) -> None:
    heard = news.get()
    if isinstance(heard, _Ready):
        return
    if isinstance(heard, signal.Signals):
        tell("stopping")
        life.cluster.interrupt()
    life.end()
    raise _reason(heard)


def _reason(heard: "_Ready | _Ended | signal.Signals") -> BaseException:
    if isinstance(heard, signal.Signals):
        return Interrupted(f"stopped by {heard.name}")
    if isinstance(heard, _Ended) and heard.error is not None:
        return heard.error
    return Unavailable("the cluster has ended by itself")


def _make_cluster(settings: Settings, tell: Tell, log_to_driver: bool) -> "Cluster":
    os.environ.update(_QUIET_RAY)  # which Ray reads while it is imported
    from karya.actors.cluster.lifecycle import Cluster

    return Cluster(settings, tell=tell, log_to_driver=log_to_driver)


@contextmanager
def _signals_into(news: News) -> Iterator[None]:
    """Signals become news, until the block ends. SIGHUP stays ignored if it was (nohup).

    Heard through a socket, because the main thread may sleep on: the kernel hands a signal to any thread, and
    Python runs handlers when the main one wakes.
    """
    chosen = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        chosen.append(signal.SIGHUP)
    hearing, telling = socket.socketpair()
    telling.setblocking(False)
    listener = threading.Thread(target=_listen, args=(hearing, chosen, news), name="signals", daemon=True)
    listener.start()
    ear = signal.set_wakeup_fd(telling.fileno(), warn_on_full_buffer=False)
    former = {number: signal.signal(number, lambda *_: None) for number in chosen}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(ear)
        telling.close()
        listener.join()
        hearing.close()


def _listen(hearing: socket.socket, chosen: Collection[int], news: News) -> None:
    """Python's own handler writes the number of every signal, as a byte."""
    while arrived := hearing.recv(64):
        for number in arrived:
            if number in chosen:
                news.put(signal.Signals(number))
