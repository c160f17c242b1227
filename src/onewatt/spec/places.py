"""Places: where in a YAML file a value stands, so that a message can say."""

# PyYAML carries no types
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import yaml


def find(node: yaml.Node, path: tuple[str, ...]) -> yaml.Node:
    """Return the node that a path leads to, or the last one on the way that there is.

    Each step is a key of a mapping, or in a list the ``name`` of an item.
    """
    for step in path:
        inner = _step(node, step)
        if inner is None:
            return node
        node = inner
    return node


def _step(node: yaml.Node, step: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((v for k, v in node.value if k.value == step), None)
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            name = _step(item, "name")
            if isinstance(name, yaml.ScalarNode) and name.value == step:
                return item
    return None


def place(text: str, name: str, path: tuple[str, ...]) -> str:
    r"""Return ``name:line:column`` of what a path leads to in YAML text.

    Examples
    --------
    >>> place("chips: {npu: eyeriss}\nworkloads:\n- name: a\n  rate: 1 fps", "phone.yaml",
    ...       ("workloads", "a", "rate"))
    'phone.yaml:4:9'
    """
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return name
    mark = find(root, path).start_mark
    return f"{name}:{mark.line + 1}:{mark.column + 1}"
