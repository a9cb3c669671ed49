"""A `karya` that starts at once: a process that has loaded it all forks for each call.

The pages call the command some hundred times, and loading Python and its packages takes longer than all else.
`serve` is that process, and CLIENT the command that hands it its arguments, its environment and its streams.
"""

import json
import os
import socket
import sys
from pathlib import Path

from karya.cli.main import app

CLIENT = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({socket!r})
    call = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "directory": os.getcwd()}}
    socket.send_fds(server, [b"!"], [0, 1, 2])
    server.sendall(json.dumps(call).encode())
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(16) or 70))
"""


def serve(path: Path) -> None:
    """Answers calls until it is killed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        print("listening", flush=True)
        while True:
            call, _ = listener.accept()
            if os.fork() == 0:
                if os.fork() == 0:
                    listener.close()
                    _run(call)
                os._exit(0)
            os.wait()
            call.close()


def _run(call: socket.socket) -> None:
    _, streams, _, _ = socket.recv_fds(call, 1, 3)
    with call.makefile("rb") as text:
        told = json.load(text)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(told["directory"])
    os.environ.clear()
    os.environ.update(told["environment"])
    sys.argv = ["karya", *told["arguments"]]
    code = 70
    try:
        app(prog_name="karya")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        call.sendall(str(code).encode())
        os._exit(code)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
