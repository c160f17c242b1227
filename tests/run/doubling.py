"""Work for workers: in a module that they can import."""

import multiprocessing
import os


def double(item, stop):
    return 2 * item


def double_or_die(item, stop):
    if item == 3 and multiprocessing.parent_process() is not None:
        os._exit(1)
    return 2 * item


def fail(item, stop):
    raise ValueError(f"item {item}")


def wait_for_stop(item, stop):
    while not stop():
        pass
    return item
