"""Runs a program that does not outlive the process that asked for it.

    python -I -S tether.py PARENT_PID PROGRAM [ARGUMENT …]

On Linux the kernel kills the program when the thread that started it ends, however it ended.
Elsewhere there is no such call: a supervisor that is itself killed with SIGKILL leaves its
programs running. This is a process of its own, because `preexec_fn` may deadlock in a program
with threads. It then becomes the program, so nothing stands between the two.
"""

import os
import signal
import sys


def _die_with_parent(parent: int) -> None:
    import ctypes  # noqa: PLC0415 - only where it is needed: this runs before every process

    pr_set_pdeathsig = 1  # <linux/prctl.h>
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit("the supervisor was gone before this program could be tied to it")


def main(arguments: list[str]) -> None:
    parent, *program = arguments
    if sys.platform == "linux":
        _die_with_parent(int(parent))
    try:
        os.execvp(program[0], program)  # noqa: S606 - the very purpose; no shell is wanted
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
