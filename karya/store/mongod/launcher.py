"""Becomes another program, one that ends with the process which asked for it.

Its arguments are the parent's pid, the program and the program's own arguments. It is run as a file by
a bare interpreter, so it imports nothing of Karya. It exists because the kernel's "tell me when my parent
dies" must be asked for by the child itself, and running Python between fork and exec (preexec_fn) may
deadlock in a process with threads, as Ray and gRPC have.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, program: list[str]) -> None:
    """Replaces this process by the program, which gets SIGTERM when its parent ends, however it ends.

    Only Linux can do that; elsewhere the program survives a parent that is killed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # It died before the kernel was asked: no signal will ever come.
        sys.exit(1)
    try:
        os.execv(program[0], program)  # noqa: S606 - replacing this process is the purpose
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
