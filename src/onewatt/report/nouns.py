"""Chips, workloads, mappings and price lists in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from onewatt.report import blocks
from onewatt.report.wording import large, quantity
from onewatt.spec.architecture import Architecture, Axis, Compute, Container, Memory, Node
from onewatt.spec.device import Device
from onewatt.spec.mapping import Mapping
from onewatt.spec.workload import Workload
from onewatt.units import format_quantity


def show_noun(noun: object, console: Console) -> None:
    """Print a chip, a workload, a mapping or a device."""
    if isinstance(noun, Architecture):
        show_chip(noun, console)
    elif isinstance(noun, Workload):
        show_workload(noun, console)
    elif isinstance(noun, Mapping):
        show_mapping(noun, console)
    elif isinstance(noun, Device):
        show_device(noun, console)


def show_names(rows: list[tuple[str, str, str]], console: Console) -> None:
    """Print names with what they are and where it is from."""
    table = blocks.table()
    table.add_column("name", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("source", overflow="fold", style="dim")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def show_chip(chip: Architecture, console: Console) -> None:
    """Print a chip as a tree, from the outermost memory to the arithmetic."""
    head = f"{chip.title or chip.name}: {quantity(chip.clock, 'Hz')}, {chip.pes} PEs"
    tree = branch = Tree(Text(head, style="bold"))
    for node in chip.nodes:
        leaf = branch.add(Text(_describe(node)))
        if isinstance(node, Container):
            branch = leaf
    console.print(tree)
    console.print(Text(f"technology: {quantity(chip.technology.node, 'm')}"))
    console.print(Text(f"dataflow: {chip.dataflow.name}"))
    if chip.source:
        console.print(Text(f"source: {chip.source}"))


def _describe(node: Node) -> str:
    if isinstance(node, Memory):
        size = "unlimited" if node.capacity is None else format_quantity(node.capacity, "bit")
        if node.partition:
            size = ", ".join(
                f"{s.tensor} {format_quantity(s.capacity, 'bit')}" for s in node.partition
            )
        may = f", may keep {', '.join(node.may_keep)}" if node.may_keep else ""
        return f"memory {node.name}: {size}; keeps {', '.join(node.keeps) or 'nothing'}{may}"
    if isinstance(node, Container):
        return f"array {node.name}: {_fanout(node.fanout)}"
    if isinstance(node, Compute):
        lanes = f", {node.lanes} lanes" if node.lanes > 1 else ""
        return f"compute {node.name}: {node.work}{lanes}"
    return f"network {node.name}: {node.delivery} of {', '.join(node.tensors)}"


def _fanout(axes: tuple[Axis, ...]) -> str:
    return " x ".join(f"{axis.name} {axis.size}" for axis in axes)


def show_workload(workload: Workload, console: Console) -> None:
    """Print a workload as a table of its layers."""
    console.print(Text(f"{workload.name}: {large(workload.macs)} MAC", style="bold"))
    table = blocks.table()
    for head in ("layer", "op", "ranks"):
        table.add_column(head, overflow="fold")
    table.add_column("MACs", justify="right")
    for einsum in workload.einsums:
        ranks = " ".join(f"{r.name}{r.size}" for r in einsum.ranks)
        times = f" x{einsum.count}" if einsum.count > 1 else ""
        table.add_row(*map(Text, (einsum.name + times, einsum.op, ranks, large(einsum.macs))))
    console.print(table)
    for row in workload.unpriced:
        console.print(Text(f"without a price: {row.name} ({row.op})", style="bold yellow"))


def show_device(device: Device, console: Console) -> None:
    """Print a device as a tree: its chips with their workloads, its parts, its battery."""
    tree = Tree(Text(device.title or device.name, style="bold"))
    for chip in device.chips:
        leaf = tree.add(Text(f"chip {chip.name}: {chip.chip}"))
        for task in device.workloads:
            if task.chip == chip.name:
                times = f", {task.batch} at a time" if task.batch > 1 else ""
                rate = f"{task.workload} at {quantity(task.rate, 'Hz')}{times}"
                leaf.add(Text(f"workload {task.name}: {rate}"))
    for part in device.parts:
        tree.add(Text(f"part {part.name}: {quantity(part.average, 'W')}"))
    if device.battery is not None:
        tree.add(Text(f"battery: {quantity(device.battery.energy / 3600, 'W')}h"))
    console.print(tree)


def show_mapping(mapping: Mapping, console: Console) -> None:
    """Print a mapping as an indented list of its nodes; sizes need a workload."""
    for depth, node in enumerate(str(Mapping(nodes=(n,))) for n in mapping.nodes):
        console.print(Text("  " * depth + node))
