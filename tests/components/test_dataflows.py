"""The catalogue of dataflows, on chips that have the places and on chips that have not."""

from __future__ import annotations

import msgspec
import pytest

from chips_by_hand import EVERY, tiny
from layers_by_hand import conv
from onewatt.components.chips import list_chips, load_chip
from onewatt.components.dataflows import list_dataflows, with_dataflow
from onewatt.components.library import prices
from onewatt.errors import InputError
from onewatt.mapper.search import search_layer
from onewatt.mapper.template import templates
from onewatt.spec.architecture import Axis, Container, Dataflow, Limit, Memory
from onewatt.spec.mapping import Spatial, Storage, Temporal

NAMES = [d.name for d in list_dataflows()]


def roomy(**spad):
    """The tiny chip with a scratchpad that may keep anything, and room for small layers."""
    chip = tiny(buffer_bits=10**5)
    spad = {"keeps": (), "may_keep": EVERY, "capacity": 2048} | spad
    nodes = tuple(msgspec.structs.replace(n, **spad) if n.name == "Spad" else n for n in chip.nodes)
    return msgspec.structs.replace(chip, nodes=nodes)


def test_the_catalogue_has_the_dataflows_of_the_paper_and_their_sources():
    assert NAMES == [
        "row-stationary", "rs-plus", "weight-stationary", "output-stationary-a",
        "output-stationary-b", "output-stationary-c", "no-local-reuse", "free",
    ]  # fmt: skip
    assert all("isca16" in d.source or "jetcas19" in d.source for d in list_dataflows()[:-1])


def by_place(mapping):
    """Return what each memory keeps, the ranks looped inside it and those over each axis."""
    kept, loops, at = {}, {}, ""
    for node in mapping.nodes:
        if isinstance(node, Storage):
            at, kept[node.memory] = node.memory, set(node.tensors)
        elif isinstance(node, Temporal):
            loops.setdefault(at, set()).add(node.rank)
        elif isinstance(node, Spatial):
            loops.setdefault(node.axis, set()).add(node.rank)
    return kept, loops


@pytest.mark.parametrize("name", NAMES)
def test_what_is_found_obeys_the_dataflow(name):
    layer, chip = conv(m=4, c=4, p=6), with_dataflow(roomy(), name)
    front = search_layer(layer, chip, prices(chip)).front
    assert front
    for choice in front:
        kept, loops = by_place(choice.mapping)
        for limit in chip.dataflow.limits:
            if limit.keeps is not None:
                assert kept.get(limit.where, set()) == set(limit.keeps)
            if limit.ranks is not None:
                assert loops.get(limit.where, set()) <= set(limit.ranks)


def test_the_presets_state_the_row_stationary_of_the_catalogue():
    chip = load_chip("eyeriss_256")
    taken = with_dataflow(chip, "row-stationary")
    assert taken.dataflow.limits == chip.dataflow.limits
    spads = with_dataflow(load_chip("eyeriss"), "row-stationary").dataflow.limits[2:]
    kept = {limit.where: limit.keeps for limit in spads}
    assert kept == {
        "filter_spad": ("Weights",), "ifmap_spad": ("Inputs",), "psum_spad": ("Outputs",),
    }  # fmt: skip


def test_free_takes_every_limit_away():
    for chip in list_chips():
        assert with_dataflow(load_chip(chip.name), "free").dataflow == Dataflow()


def test_a_dataflow_that_says_what_is_kept_leaves_no_choice():
    layer, chip = conv(), roomy()
    assert len(templates(layer, chip)) == 8
    assert len(templates(layer, with_dataflow(chip, "weight-stationary"))) == 1
    assert len(templates(layer, with_dataflow(chip, "no-local-reuse"))) == 1


def test_a_chip_without_the_place_is_refused_by_name():
    with pytest.raises(InputError, match="'eyeriss' cannot run 'weight-stationary': its memory"):
        with_dataflow(load_chip("eyeriss"), "weight-stationary")
    with pytest.raises(InputError, match=r"must keep 'Inputs'.*'may_keep'"):
        with_dataflow(roomy(keeps=("Inputs",)), "no-local-reuse")
    with pytest.raises(InputError, match=r"none of its registers \(found 'Spad'\) can keep 'Outp"):
        with_dataflow(roomy(may_keep=("Weights",)), "output-stationary-c")
    flat = Container(name="PE", fanout=(Axis(name="Y", size=4),))
    chip = roomy()
    nodes = tuple(flat if isinstance(n, Container) else n for n in chip.nodes)
    nodes = tuple(
        msgspec.structs.replace(n, axes=()) if n.name == "column" else n for n in nodes
    )  # fmt: skip
    with pytest.raises(InputError, match="its array 'PE' has no columns, only axis Y"):
        with_dataflow(msgspec.structs.replace(chip, nodes=nodes), "rs-plus")
    none = tuple(n for n in chip.nodes if n.name not in ("PE", "column"))
    with pytest.raises(InputError, match="it has no array; only 'free' needs none"):
        with_dataflow(msgspec.structs.replace(chip, nodes=none), "row-stationary")
    with pytest.raises(InputError, match="Did you mean 'row-stationary'"):
        with_dataflow(chip, "row_stationary")


def test_a_chip_file_cannot_ask_a_memory_for_what_it_does_not_keep():
    layer = conv()
    for keeps, message in (
        (("Weights",), "memory 'GLB' cannot keep 'Weights'"),
        (("Inputs",), "memory 'GLB' must keep 'Outputs', which the dataflow holds elsewhere"),
    ):
        asked = Dataflow(name="odd", limits=(Limit(where="GLB", keeps=keeps),))
        with pytest.raises(InputError, match=message):
            templates(layer, tiny(dataflow=asked))
    with pytest.raises(InputError, match=r"limit at 'GLB'.*'Psums'"):
        Limit(where="GLB", keeps=("Psums",))


def test_a_limit_on_a_memory_does_not_change_what_it_is():
    """The chip stays what it is; a mapping by hand may bypass whatever the memory may."""
    chip = with_dataflow(roomy(), "row-stationary")
    assert [n for n in chip.nodes if isinstance(n, Memory)] == [
        n for n in roomy().nodes if isinstance(n, Memory)
    ]
