"""Devices, searched: the best mappings of every workload on its chip, added up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from onewatt.components.library import prices as price_list
from onewatt.errors import InputError, MappingError
from onewatt.mapper.exact import Tiles
from onewatt.mapper.search import search
from onewatt.model.device import DeviceResult, add_up
from onewatt.spec.architecture import Architecture
from onewatt.spec.budget import Budget
from onewatt.spec.device import Device
from onewatt.spec.result import Result
from onewatt.spec.workload import Workload

#: Called with what is done, how much there is in all, and what comes next.
Progress = Callable[[int, int, str], None]


def search_device(
    device: Device,
    workloads: Mapping[str, Workload],
    chips: Mapping[str, Architecture],
    *,
    budget: Budget | str | None = None,
    tiles: Tiles = "perfect",
    workers: int = 1,
    progress: Progress | None = None,
    cache: Path | None = None,
    stop: threading.Event | None = None,
) -> DeviceResult:
    """Map every workload of a device on its chip, and add up what the device draws.

    Parameters
    ----------
    device : Device
        Which workload runs how often on which chip, and what else there is.
    workloads, chips : mapping
        Each workload at its batch, and each chip, by its name in the device.
    budget : Budget, str or None
        Limits to judge it by, also as text such as ``"1 W"``.
    tiles : str
        The sizes tiles may have: ``perfect``, ``tight`` or ``full``; docs/mapper.md.
    workers : int
        Processes to search layers in, 0 for every processor.
    progress : callable or None
        Called with layers done, layers in all and a name.
    cache : Path or None
        A folder where finished layers are kept and found again.
    stop : threading.Event or None
        Once set, every layer ends with the best found so far.

    Returns
    -------
    DeviceResult
        Powers [W], responses [s], and what is late or does not last.

    Raises
    ------
    InputError
        If a workload or chip is not among those given, or a budget limits what a device has not.
    MappingError
        If a layer does not fit its chip.

    Examples
    --------
    >>> import onewatt as ow
    >>> from onewatt.spec.device import Device, Fitted, Task
    >>> phone = Device(name="phone", chips=(Fitted(name="npu", chip="eyeriss"),),
    ...     workloads=(Task(name="keywords", workload="mlperf_kws", chip="npu", rate=10.0),))
    >>> found = search_device(
    ...     phone, {"keywords": ow.load_workload("mlperf_kws")}, {"npu": ow.load_chip("eyeriss")})
    >>> f"{found.tasks[0].busy:.2%} busy, {1e3 * found.power:.3g} mW"
    '0.76% busy, 31.1 mW'
    """
    if isinstance(budget, str):
        budget = Budget.parse(budget)
    for kind, rows, given in (("workload", device.workloads, workloads),
                              ("chip", device.chips, chips)):  # fmt: skip
        for row in rows:
            if row.name not in given:
                raise InputError(f"device {device.name!r}: {kind} {row.name!r} is not given")
    results: dict[str, Result] = {}
    for task in device.workloads:
        try:
            results[task.name] = search(
                workloads[task.name], chips[task.chip], objective=task.objective, batch=task.batch,
                workers=workers, progress=_prefixed(progress, task.name), tiles=tiles, cache=cache,
                stop=stop,
            )  # fmt: skip
        except MappingError as error:
            raise MappingError(f"device {device.name!r}, {task.name!r}: {error}") from error
    priced = {name: (chip, price_list(chip)) for name, chip in chips.items()}
    return add_up(device, results, priced, budget=budget, tiles=tiles)


def _prefixed(progress: Progress | None, name: str) -> Progress | None:
    if progress is None:
        return None
    return lambda done, total, layer: progress(done, total, f"{name}: {layer}")
