"""What workers do in tests: functions that a process of its own can import."""

from __future__ import annotations

import os
import signal
import time


def double(context, item):
    return f"{context}{2 * item}".encode()


def slow_double(context, item):
    time.sleep(0.15)
    return f"{context}{2 * item}".encode()


def marked(folder, item):
    """Leave one file for each time that an item is worked on."""
    number = len([n for n in os.listdir(folder) if n.startswith(f"{item}.")])
    open(os.path.join(folder, f"{item}.{number}.{os.getpid()}"), "w").close()
    time.sleep(0.05)
    return f"{2 * item}".encode()


def deadly(folder, item):
    """Kill the worker: item 3 always, item 5 the first time."""
    marker = os.path.join(folder, f"died.{item}")
    if item == 3 or (item == 5 and not os.path.exists(marker)):
        open(marker, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return str(2 * item).encode()


def wrong(context, item):
    raise ValueError(f"item {item} is {context}")
