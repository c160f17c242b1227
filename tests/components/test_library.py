"""The library: published points come back, estimates behave, and prices say what is missing."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from near import near
from onewatt.components.estimate import SINGLE_SOURCE, Conditions, area, capacity_exponent, estimate
from onewatt.components.library import ARRAY_HOP, prices, unknown_areas
from onewatt.components.reference import classes, component_class
from onewatt.errors import InputError
from onewatt.spec.architecture import (
    ActionEnergy,
    Architecture,
    Axis,
    Clock,
    Compute,
    Container,
    Memory,
    Network,
    Share,
    Technology,
)

AT_45 = Technology(node=45e-9, voltage=0.9)
EVERY = ("Inputs", "Weights", "Outputs")
PICO = 1e-12


def stated(*actions, energy=PICO, **more):
    return tuple(ActionEnergy(action=a, energy=energy, **more) for a in actions)


def chip(*, memory=None, network=None, mac=None, **changes):
    dram = Memory(name="DRAM", keeps=EVERY, energy=stated("read", "fill", energy=4e-10))
    nodes = [
        dram,
        memory or Memory(name="GLB", keeps=("Inputs",), capacity=2**20, component="sram"),
        network or Network(name="bus", tensors=("Inputs",), component="noc_hop"),
        Container(name="PE", fanout=(Axis(name="X", size=4),)),
        mac or Compute(name="MAC", component="mac"),
    ]
    whole = Architecture(name="c", clock=1e8, technology=AT_45, nodes=tuple(nodes))
    return replace(whole, **changes)


def conditions(**more):
    given_ = {"technology": AT_45, "bits": 16, "capacity": 2**16, "length": 1e-3, **more}
    return Conditions(**given_)


ON_CHIP = sorted(n for n, c in classes().items() if c.rule != "off_chip")


def test_every_reference_states_what_its_law_needs():
    for kind in classes().values():
        for point in kind.references:
            assert point.energy > 0, point.source
            assert point.bits > 0
            assert (point.node is None) == (kind.rule == "off_chip")
            assert (point.capacity is not None) == (kind.rule == "memory")
            assert (point.length is not None) == (kind.rule == "wire")
            assert (point.accumulate is not None) == (kind.rule == "multiply_accumulate")


def test_every_reference_is_in_the_bibliography():
    bibliography = Path(__file__).parents[2] / "docs" / "references.bib"
    keys = set(re.findall(r"@\w+\{(\w+),", bibliography.read_text()))
    used = {point.key for kind in classes().values() for point in kind.references}
    assert used
    assert used <= keys


@pytest.mark.parametrize(
    ("name", "bits", "published"),
    [("adder", 8, 0.03), ("adder", 16, 0.05), ("adder", 32, 0.1), ("multiplier", 8, 0.2),
     ("multiplier", 32, 3.1)],
)  # fmt: skip
def test_published_arithmetic_lies_in_the_band_at_its_own_conditions(name, bits, published):
    found = estimate(name, conditions(bits=bits))
    assert found.low <= published * PICO * (1 + 1e-9)
    assert published * PICO <= found.high * (1 + 1e-9)
    assert found.energy == near(published * PICO, rel=0.2)


@pytest.mark.parametrize(
    ("kilobytes", "published"), [(8, 10.0), (32, 20.0), (100, 28.43), (128, 32.34), (1024, 100.0)]
)
def test_published_srams_lie_in_the_band_at_their_own_conditions(kilobytes, published):
    found = estimate("sram", conditions(bits=64, capacity=kilobytes * 8192))
    assert found.low < published * PICO < found.high
    assert found.energy == near(published * PICO, rel=0.5)


def test_the_eyeriss_set_lies_in_the_bands_of_the_library():
    at = Technology(node=65e-9, voltage=1.0)
    for name, published, more in (
        ("mac", 2.0, {"accumulate": 16}),
        ("register_file", 1.0, {"capacity": 448 * 8}),
        ("sram", 15.0, {"capacity": 108 * 8192}),
        ("noc_hop", 4.0, {"length": ARRAY_HOP}),
        ("dram", 460.0, {}),
    ):
        found = estimate(name, conditions(technology=at, bits=16, **more))
        assert found.low <= published * PICO * (1 + 1e-9), name
        assert published * PICO <= found.high * (1 + 1e-9), name


def test_the_exponents_of_capacity_come_from_the_points():
    assert 0.4 < capacity_exponent("sram") < 0.55
    assert 0.3 < capacity_exponent("register_file") < 1.0


@given(st.sampled_from(ON_CHIP), st.integers(4, 64), st.booleans())
def test_the_band_holds_the_value(name, bits, write):
    found = estimate(name, conditions(bits=bits), write=write)
    assert 0 < found.low <= found.energy <= found.high < math.inf


@given(st.sampled_from(ON_CHIP), st.floats(7e-9, 120e-9), st.floats(7e-9, 120e-9))
def test_a_smaller_node_never_costs_more(name, a, b):
    small, large = (
        estimate(name, conditions(technology=Technology(node=n))).energy for n in sorted((a, b))
    )
    assert small <= large * (1 + 1e-9)


@given(st.sampled_from(sorted(classes())), st.integers(1, 60))
def test_more_bits_never_cost_less(name, bits):
    one, more = (estimate(name, conditions(bits=b)).energy for b in (bits, bits + 1))
    assert one < more


@given(st.sampled_from(["sram", "register_file"]), st.integers(64, 2**22))
def test_a_larger_memory_never_costs_less(name, capacity):
    one, more = (estimate(name, conditions(capacity=c)).energy for c in (capacity, 2 * capacity))
    assert one < more


def test_a_multiplier_is_quadratic_and_an_adder_linear():
    for name, ratio in (("multiplier", 4.0), ("adder", 2.0)):
        one, two = (estimate(name, conditions(bits=b)).energy for b in (8, 16))
        assert two / one == near(ratio)


def test_a_mac_of_two_widths_costs_between_its_square_ones():
    def mac(*operands):
        return estimate(
            "mac", conditions(bits=max(operands), operands=operands, accumulate=32)
        ).energy

    assert mac(8, 8) < mac(8, 16) == mac(16, 8) < mac(16, 16)


def test_energy_grows_with_the_square_of_the_supply():
    low, high = (
        estimate("adder", conditions(technology=Technology(node=45e-9, voltage=v))).energy
        for v in (0.9, 1.8)
    )
    assert high / low == near(4)


def test_a_wire_follows_the_supply_and_not_the_node():
    hops = [
        estimate("noc_hop", conditions(technology=Technology(node=n, voltage=0.9)))
        for n in (65e-9, 14e-9)
    ]
    assert hops[0][:3] == hops[1][:3]


def test_a_write_costs_what_the_sources_of_writes_say():
    read, write = (estimate("register", conditions(), write=w).energy for w in (False, True))
    assert write / read == near((0.027041 / 0.019007) ** 0.5)
    own = Memory(name="GLB", keeps=("Inputs",), component="register")
    found = prices(chip(memory=own))
    for action, energy in (("read", read), ("drain", read), ("fill", write), ("update", write)):
        assert found.find("GLB", action).energy == near(energy)


def test_a_wider_accumulator_costs_an_adder_more():
    narrow, wide = (estimate("mac", conditions(accumulate=a)).energy for a in (16, 32))
    assert narrow < wide < 1.2 * narrow


def test_an_access_grows_with_the_fitted_power_of_capacity():
    small, large = (estimate("sram", conditions(capacity=c)).energy for c in (2**16, 2**20))
    assert large / small == near(16 ** capacity_exponent("sram"))


def test_another_node_widens_the_band_of_the_same_sources():
    home, away = (
        estimate("adder", conditions(technology=Technology(node=n, voltage=0.9)))
        for n in (45e-9, 7e-9)
    )
    spread = home.high / home.low
    assert away.high / away.low == near(spread * (45 / 7) ** 0.6, rel=1e-6)


def test_an_alu_lies_between_an_adder_and_a_multiplier():
    add, alu, multiply = (estimate(n, conditions()) for n in ("adder", "alu", "multiplier"))
    assert (alu.low, alu.high) == (add.low, multiply.high)
    assert add.energy < alu.energy < multiply.energy


def test_dram_is_not_scaled_with_the_chip_and_a_single_source_has_the_assumed_band():
    for technology in (AT_45, Technology(node=7e-9)):
        found = estimate("dram_lpddr4", conditions(technology=technology, bits=64))
        assert found.energy == near(512 * PICO)
        assert found.high / found.energy == near(SINGLE_SOURCE)
        assert found.energy / found.low == near(SINGLE_SOURCE)
        assert "one source" in found.source


def test_areas_of_the_reference_tables_come_back_within_a_factor_of_two():
    found = area("sram", Conditions(Technology(node=32e-9), bits=64, capacity=128 * 8192))
    assert found is not None
    assert found[0] == near(0.2174e-6, rel=0.5)
    assert area("noc_hop", conditions()) is None


def test_an_unknown_class_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"unknown component class 'srma'. Did you mean 'sram'"):
        component_class("srma")
    with pytest.raises(InputError, match="chip 'c', node 'MAC': unknown component class 'mca'"):
        prices(chip(mac=Compute(name="MAC", component="mca")))


def test_what_a_law_needs_is_asked_for():
    nameless = Memory(name="GLB", keeps=("Inputs",), component="sram")
    message = "chip 'c', node 'GLB', action 'read': memory of class 'sram' states no capacity"
    with pytest.raises(InputError, match=message):
        prices(chip(memory=nameless))


def test_the_energy_of_the_chip_wins_and_takes_the_band_of_its_class():
    own = Memory(name="GLB", keeps=("Inputs",), capacity=2**20, width=64, component="sram",
                 energy=stated("read", energy=50 * PICO, source="measured"))  # fmt: skip
    price = prices(chip(memory=own)).find("GLB", "read")
    library = prices(chip(memory=replace(own, energy=()))).find("GLB", "read")
    assert price.energy == 50 * PICO
    assert (price.low, price.high) == (library.low, max(library.high, 50 * PICO))
    assert price.source.startswith("measured; band: library class 'sram'")


def test_a_stated_value_outside_the_band_of_its_class_widens_it():
    for joules in (1e-20, 1.0):
        own = Memory(name="GLB", keeps=("Inputs",), capacity=2**20, component="sram",
                     energy=stated("read", "fill", energy=joules))  # fmt: skip
        price = prices(chip(memory=own)).find("GLB", "read")
        assert price.low <= price.energy == joules <= price.high
        assert price.low < price.high


def test_a_stated_band_stays_and_a_value_alone_is_its_own_band():
    banded = stated("read", "fill", low=0.5 * PICO, high=3 * PICO)
    own = Memory(name="GLB", keeps=("Inputs",), capacity=2**20, component="sram", energy=banded)
    price = prices(chip(memory=own)).find("GLB", "read")
    assert (price.low, price.energy, price.high) == (0.5 * PICO, PICO, 3 * PICO)
    alone = replace(own, component="", energy=stated("read", "fill"))
    price = prices(chip(memory=alone)).find("GLB", "drain")
    assert (price.low, price.energy, price.high) == (PICO, PICO, PICO)


def test_draining_reads_and_updating_writes():
    energy = (*stated("read", energy=2 * PICO), *stated("fill", energy=3 * PICO))
    found = prices(chip(memory=Memory(name="GLB", keeps=("Inputs",), energy=energy)))
    actions = ("read", "drain", "fill", "update")
    assert [found.find("GLB", a).energy / PICO for a in actions] == near([2, 2, 3, 3])


def test_a_chip_that_states_a_read_only_pays_it_for_writes_and_says_so():
    own = Memory(name="GLB", keeps=("Inputs",), energy=stated("read"))
    price = prices(chip(memory=own)).find("GLB", "update")
    assert price.energy == PICO
    assert price.source == "chip 'c'; no write stated, taken as a read"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"memory": Memory(name="GLB", keeps=("Inputs",))},
         "chip 'c', node 'GLB': no energy for action 'read'; state it (energy: {read: 1.0 pJ}) or "
         "name a component class (component: sram)"),
        ({"network": Network(name="bus", tensors=("Inputs",))},
         "node 'bus': no energy for action 'hop'; state it (energy: {hop: 1.0 pJ}) or name a "
         "component class (component: noc_hop)"),
        ({"mac": Compute(name="MAC")},
         "node 'MAC': no energy for action 'compute'; state it (energy: {compute: 1.0 pJ}) or name "
         "a component class (component: mac)"),
        ({"mac": Compute(name="MAC", energy=stated("compute", energy=math.nan))},
         "node 'MAC', action 'compute': found energy nan J"),
        ({"mac": Compute(name="MAC", energy=stated("compute", energy=-1.0))},
         "expected finite values with 0 <= low <= energy <= high"),
        ({"mac": Compute(name="MAC", energy=stated("compute", low=2 * PICO))},
         "found energy 1e-12 J in a band from 2e-12 to 1e-12 J"),
    ],
)  # fmt: skip
def test_messages_of_prices(parts, message):
    with pytest.raises(InputError, match=re.escape(message)):
        prices(chip(**parts))


def test_a_longer_hop_of_wider_words_costs_more():
    def hop(**more):
        network = Network(name="bus", component="noc_hop", **more)
        return prices(chip(network=network)).find("bus", "hop").energy

    usual = hop(tensors=("Inputs",))
    assert hop(tensors=("Inputs",), length=2 * ARRAY_HOP) == near(2 * usual)
    wide = Compute(name="MAC", component="mac", accumulate_bits=32)
    psums = Network(name="bus", component="noc_hop", tensors=("Outputs",))
    found = prices(chip(network=psums, mac=wide)).find("bus", "hop").energy
    assert found == near(2 * usual)


def test_an_access_is_priced_for_the_width_of_a_row_or_of_the_widest_word():
    def read(**more):
        memory = Memory(name="GLB", capacity=2**20, component="sram", **more)
        mac = Compute(name="MAC", component="mac", accumulate_bits=32)
        return prices(chip(memory=memory, mac=mac)).find("GLB", "read").energy

    word = read(keeps=("Inputs",))
    assert read(keeps=("Inputs",), width=64) == near(4 * word)
    assert read(keeps=("Outputs",)) == near(2 * word)
    assert read(keeps=("Outputs",), word=8) == near(word / 2)


def test_outputs_are_narrow_in_the_outermost_memory():
    dram = Memory(name="DRAM", keeps=EVERY, component="dram_lpddr4")
    mac = Compute(name="MAC", component="mac", accumulate_bits=32)
    nodes = (dram, *chip(mac=mac).nodes[1:])
    assert prices(chip(nodes=nodes)).find("DRAM", "read").energy == near(16 * 8 * PICO)


def test_the_capacity_of_a_partitioned_memory_is_the_sum_of_its_parts():
    whole = Memory(name="GLB", keeps=EVERY, capacity=2**20, component="sram")
    parts = tuple(Share(tensor=t, capacity=2**19) for t in ("Inputs", "Outputs"))
    split = replace(whole, capacity=None, partition=parts)
    one, other = (prices(chip(memory=m)).find("GLB", "read") for m in (whole, split))
    assert one == other


def test_leakage_is_power_over_clock_and_upkeep_belongs_to_the_chip():
    leaky = Memory(name="GLB", keeps=("Inputs",), energy=stated("read"), leak=1e-3, source="s")
    upkeep = Clock(energy=stated("clock", energy=7 * PICO))
    found = prices(chip(memory=leaky, upkeep=upkeep))
    assert found.find("GLB", "leak").energy == near(1e-3 / 1e8)
    assert found.find("chip", "clock").energy == 7 * PICO
    stated_too = replace(leaky, energy=stated("read", "leak"))
    leaks = [p for p in prices(chip(memory=stated_too)).prices if p.action == "leak"]
    assert [p.energy for p in leaks] == [PICO]


def test_areas_count_every_instance_and_what_is_unknown_is_listed():
    mac = Compute(name="MAC", component="mac", area=1e-9, source="paper")
    found = prices(chip(mac=mac, overhead_area=5e-7))
    areas = {a.component: a.area for a in found.areas}
    assert areas["MAC"] == near(4e-9)
    assert areas["overhead"] == 5e-7
    each = area("mac", Conditions(AT_45, bits=16, operands=(16, 16), accumulate=16))
    assert each is not None
    usual = {a.component: a.area for a in prices(chip()).areas}
    assert usual["MAC"] == near(4 * each[0])
    assert areas["GLB"] == usual["GLB"] > 0
    assert found.area == near(sum(areas.values()))
    assert unknown_areas(chip(mac=mac)) == ("DRAM", "bus")
    off_chip = tuple(replace(n, component="dram") if n.name == "DRAM" else n for n in chip().nodes)
    assert unknown_areas(chip(nodes=off_chip)) == ("bus",)


def test_equal_chips_are_priced_once():
    assert prices(chip()) is prices(chip())
