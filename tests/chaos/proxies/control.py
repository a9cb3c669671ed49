"""How a proxy is told what to do: lines of JSON on its standard input, each answered by one on its output."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict

from tests.chaos.proxies.odds import Lots, Odds


async def obey(lots: Lots) -> None:
    """Tells that it is ready and takes orders, until whoever gave them is gone."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    print("ready", flush=True)
    while line := await reader.readline():
        print(json.dumps(lots.change(json.loads(line))), flush=True)


class ProxyProcess:
    """A proxy of one of the modules of this folder. All of it blocks: call it in a thread."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.chaos.proxies.{module}", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._read() == "ready", f"the proxy {module} does not start"

    def change(self, odds: Odds) -> Mapping[str, int]:
        """From now on by these odds; returns what was done by the former ones."""
        assert self._process.stdin is not None
        print(json.dumps(asdict(odds)), file=self._process.stdin, flush=True)
        counts: Mapping[str, int] = json.loads(self._read())
        return counts

    def stop(self) -> None:
        """Ends it."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
