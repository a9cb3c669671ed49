"""What HTTP actions call while they are measured: a process that answers at once, as cheaply as it can."""

import asyncio
import subprocess
import sys
from types import TracebackType
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"
_END = b"\r\n\r\n"
_BACKLOG = 4096


class Target:
    """The process, from `with` on."""

    def __enter__(self) -> "Target":
        command = [sys.executable, "-m", "bench.target"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/"
        self.pid = self._process.pid
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()


class _Answering(asyncio.Protocol):
    """Requests have no body: each ends with its headers."""

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by their class

    def data_received(self, data: bytes) -> None:
        requests = (self._rest + data).split(_END)
        self._rest = requests.pop()
        if requests:
            self._transport.write(_ANSWER * len(requests))


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0, backlog=_BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
