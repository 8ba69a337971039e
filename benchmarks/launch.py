"""Starts one program and reports on a pipe: seconds, exit status, peak memory in KiB.

    python -I -S launch.py DESCRIPTOR PROGRAM [ARGUMENT…]

A process of its own, and a small one: Linux counts what the starting process held at `exec` towards the
peak memory of the started one (`setmax_mm_hiwater_rss` in fs/exec.c), so a large starter would be
measured instead. The peak is that of the largest single process among the program and its children.
"""

import os
import sys
import time

if __name__ == "__main__":
    report, argv = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(report, False)
    started = time.perf_counter()
    child = os.posix_spawnp(argv[0], argv, os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    kib = usage.ru_maxrss // 1024 if sys.platform == "darwin" else usage.ru_maxrss
    os.write(report, f"{seconds:.6f} {os.waitstatus_to_exitcode(status)} {kib}".encode())
