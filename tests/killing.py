"""What tests of worker processes share: one is killed in the middle of its work."""

from __future__ import annotations

import os
import signal
import time

from evonsfw.crew import Crew


def kill_a_busy_worker(crew: Crew) -> int:
    """Wait until a worker has taken something, and kill it; returns the process's number."""
    end = time.monotonic() + 60.0
    while time.monotonic() < end:
        taken = crew._current.tolist()
        for worker in crew._workers:
            if taken[worker.place] >= 0:
                pid = int(worker.process.pid)
                os.kill(pid, signal.SIGKILL)
                return pid
    raise TimeoutError("no worker has taken anything")
