"""Eyeriss against Tables III and V of its paper (jssc17), AlexNet, batch 4, 200 MHz, 1.0 V."""

from __future__ import annotations

import jssc17
from wording import error, mean_size, percent, table, verdict

import onewatt as ow
from onewatt.model.jssc17.cost import STANDING_ENERGY
from onewatt.model.jssc17.evaluate import Row, row
from onewatt.model.jssc17.latency import latency
from onewatt.model.jssc17.machine import Machine
from onewatt.model.jssc17.passes import Grid, passes
from onewatt.model.jssc17.shape import Shape

NAMES = tuple(jssc17.PUBLISHED)
HEADS = ("processing", "total", "power", "buffer", "dram")
UNITS = {"processing": "ms", "total": "ms", "power": "mW", "buffer": "MB", "dram": "MB"}


def section() -> str:
    """Return the section of Eyeriss."""
    return "\n\n".join(
        ["## Eyeriss: jssc17, Tables III and V (AlexNet, batch 4)", _setting(), _allocation(),
         _traffic(), _latency(), _power(), _best(), _missed()]
    ) + "\n"  # fmt: skip


def _setting() -> str:
    return (
        "Convention `jssc17` ([eyeriss.md](eyeriss.md)) with the published mappings and shares of "
        "zeros. Published: the tables as the\nrepository fodlam reads them; densities of outputs "
        "are those of the workloads of repository spl. Table III maps conv3\nwith q=4, r=1, t=4, "
        "but only q=3, r=2, t=2 gives the buffer accesses of Table V, so both are shown."
    )


def computed() -> dict[str, dict[str, float]]:
    """Return the model's rows in the units of the paper."""
    return {name: jssc17.in_paper_units(found) for name, found in jssc17.rows().items()}


def _allocation() -> str:
    ours = {n: jssc17.in_paper_units(r) for n, r in jssc17.rows(table_3=True).items()}
    rows, exact = [], True
    for name, known in jssc17.PUBLISHED.items():
        found = ours[name]
        exact &= found["active_pes"] == known.active_pes
        exact &= abs(found["ifmap"] - known.ifmap) <= 0.05
        exact &= abs(found["psum"] - known.psum) <= 0.05
        rows.append(
            [name, known.mapping, f"{known.active_pes} / {found['active_pes']:.0f}",
             f"{known.ifmap:g} / {found['ifmap']:.2f}", f"{known.psum:g} / {found['psum']:.2f}"]
        )  # fmt: skip
    return (
        "### Active PEs and buffer allocation (Table III)\n\nPublished / ours; KiB.\n\n"
        + table(["layer", "mapping", "active PEs", "ifmap", "psum"], rows)
        + f"\n\nTarget: exact, to the printed digit: **{verdict(exact)}**."
    )


def _traffic() -> str:
    ours = computed()
    rows = []
    for name, known in jssc17.PUBLISHED.items():
        found = ours[name]
        rows.append(
            [name, *_pair(known.buffer, found["buffer"]), *_pair(known.dram, found["dram"])]
        )
    sums = {k: sum(r[k] for r in ours.values()) for k in ("buffer", "dram")}
    rows.append(["total", *(c for k in sums for c in _pair(jssc17.TOTAL[k], sums[k]))])
    buffer = [error(ours[n]["buffer"], jssc17.PUBLISHED[n].buffer) for n in NAMES]
    near = all(
        abs(ours[n]["dram"] - jssc17.PUBLISHED[n].dram)
        <= max(0.05, 0.03 * jssc17.PUBLISHED[n].dram)
        for n in NAMES
    )
    total = error(sums["dram"], jssc17.TOTAL["dram"])
    macs = sum(r.macs for r in jssc17.rows().values())
    words = sums["dram"] * 1e6 / 2
    table_3 = jssc17.in_paper_units(jssc17.rows(table_3=True)["conv3"])["buffer"]
    return (
        "### Accesses (Table V)\n\nMB (1e6 B).\n\n"
        + table(["layer", "buffer", "ours", "error", "DRAM", "ours", "error"], rows)
        + f"\n\nTargets: buffer within 1 % a layer: **{verdict(max(map(abs, buffer)) <= 0.01)}**. "
        f"DRAM within 3 % or 0.05 MB a layer and\n1 % in total: "
        f"**{verdict(near and abs(total) <= 0.01)}**. With the mapping of Table III, conv3 would "
        f"move {table_3:.1f} MB (published: 50.2).\n"
        f"From the totals: {words / macs:.4f} DRAM accesses a MAC (published: 0.0029), "
        f"{words / (4 * 227**2):.1f} an input pixel (published: 37.4)."
    )


def _pair(theirs: float, ours: float) -> tuple[str, str, str]:
    return f"{theirs:g}", f"{ours:.2f}", percent(error(ours, theirs))


def _latency() -> str:
    chip = ow.load_chip("eyeriss")
    machine = Machine.of(chip)
    ours, rows, parts = computed(), [], []
    for name, known in jssc17.PUBLISHED.items():
        shape, grid = Shape.of(jssc17.layer(name)), Grid.of(jssc17.mapping(name))
        spent = latency(shape, machine, grid)
        ms = [float(x[0]) / machine.clock * 1e3 for x in spent]
        left = known.processing - sum(ms[:4])
        count = sum(int(p.times[0]) for p in passes(shape, grid))
        parts.append([name, str(count), *(f"{x:.2f}" for x in ms[:4]), f"{known.processing:g}",
                      f"{left:+.2f}", f"{left * machine.clock / 1e3 / count:+.0f}"])  # fmt: skip
        found = ours[name]
        rows.append([name, *_pair(known.processing, found["processing"]),
                     *_pair(known.total, found["total"])])  # fmt: skip
    sums = {k: sum(r[k] for r in ours.values()) for k in ("processing", "total")}
    rows.append(["total", *(c for k in sums for c in _pair(jssc17.TOTAL[k], sums[k]))])
    errors = [error(ours[n]["processing"], jssc17.PUBLISHED[n].processing) for n in NAMES]
    total = error(sums["processing"], jssc17.TOTAL["processing"])
    other = jssc17.in_paper_units(jssc17.rows(table_3=True)["conv3"])["processing"]
    return (
        "### Latency (Table V)\n\nms; nothing is fitted.\n\n"
        + table(["layer", "processing", "ours", "error", "total", "ours", "error"], rows)
        + "\n\nTarget: processing within 10 % a layer and 5 % in total: "
        f"**{verdict(max(map(abs, errors)) <= 0.1 and abs(total) <= 0.05)}** (mean error "
        f"{100 * mean_size(errors):.1f} %). With the mapping of\nTable III, conv3 would take "
        f"{other:.1f} ms (published: 21.8). The total latency has no target.\n\nWhere the "
        "processing time goes [ms], and what the mechanisms leave unexplained, in all and in "
        "cycles a pass:\n\n"
        + table(["layer", "passes", "MACs", "filter loads", "first windows", "slow buses",
                 "published", "left", "cycles a pass"], parts)
    )  # fmt: skip


def dynamic() -> dict[str, tuple[float, float]]:
    """Return the power of each layer without the fitted constant, and the published one [mW]."""
    chip, found = ow.load_chip("eyeriss"), {}
    for name, known in jssc17.PUBLISHED.items():
        bare = row(jssc17.layer(name), chip, jssc17.mapping(name), standing=0.0)
        found[name] = (bare.power * 1e3, float(known.power))
    return found


def fitted(points: list[tuple[float, float]]) -> float:
    """Return the constant that makes the mean error of model plus constant least [mW].

    The mean error is piecewise linear in the constant, so the least is at one of the points.
    """
    return min(
        (theirs - ours for ours, theirs in points),
        key=lambda c: mean_size(error(ours + c, theirs) for ours, theirs in points),
    )


def left_out(points: list[tuple[float, float]]) -> float:
    """Return the mean error of each point predicted with the constant fitted to the others."""
    return mean_size(
        error(ours + fitted(points[:i] + points[i + 1 :]), theirs)
        for i, (ours, theirs) in enumerate(points)
    )


def _power() -> str:
    points = dynamic()
    flat = [(0.0, theirs) for _, theirs in points.values()]
    guess = fitted(flat)
    ours = computed()
    rows = [
        [name, *_pair(known.power, ours[name]["power"]), f"{points[name][0]:.0f}",
         percent(error(guess, known.power))]
        for name, known in jssc17.PUBLISHED.items()
    ]  # fmt: skip
    errors = [error(ours[n]["power"], jssc17.PUBLISHED[n].power) for n in NAMES]
    mine, constant = mean_size(errors), mean_size(error(guess, p) for _, p in flat)
    spent = sum(r["power"] * r["total"] for r in ours.values())
    average = spent / sum(r["total"] for r in ours.values())
    used = STANDING_ENERGY * ow.load_chip("eyeriss").clock * 1e3
    return (
        "### Power without DRAM (Table V)\n\nmW over the total latency. One constant is fitted: "
        f"what a cycle costs whatever happens, {used:.0f} mW (the fit gives\n"
        f"{fitted(list(points.values())):.1f}). The guess is one power for all layers, "
        f"{guess:.0f} mW, fitted the same way.\n\n"
        + table(["layer", "published", "ours", "error", "of it not standing", "guess, error"], rows)
        + f"\n\nTarget: mean error under 8 %, and under the guess: "
        f"**{verdict(mine < 0.08 and mine < constant)}**: {100 * mine:.1f} % against "
        f"{100 * constant:.1f} %; with each layer left\nout of its own fit "
        f"{100 * left_out(list(points.values())):.1f} % against {100 * left_out(flat):.1f} %. "
        f"All layers: {average:.0f} mW (published: 278)."
    )


def _best() -> str:
    measured, rows, never = jssc17.rows(), [], True
    for name, found in jssc17.best().items():
        known = measured[name]
        never &= _no_worse(found, known)
        rows.append([name, str(known.mapping), str(found.mapping),
                     f"{known.buffer / 8e6:.1f} / {found.buffer / 8e6:.1f}",
                     f"{known.processing * 1e3:.2f} / {found.processing * 1e3:.2f}",
                     f"{known.total * 1e3:.2f} / {found.total * 1e3:.2f}"])  # fmt: skip
    heads = ["layer", "published mapping", "ours", "buffer, MB", "processing, ms", "total, ms"]
    return (
        "### The best mapping against the published one\n\nBoth by the model, published / ours: "
        "the least EDP among all mappings that are no worse in any of the three.\n\n"
        + table(heads, rows)
        + "\n\nTarget: never more buffer words, never longer: "
        f"**{verdict(never)}**."
    )


def _no_worse(ours: Row, theirs: Row) -> bool:
    slack = 1 + 1e-12
    return (
        ours.buffer <= theirs.buffer
        and ours.processing <= theirs.processing * slack
        and ours.total <= theirs.total * slack
    )


def cycles_a_pass(name: str) -> tuple[int, float, float]:
    """Return a layer's passes, the published cycles of one, and those with a cycle for each sum.

    The last counts multiplications and, for each window, p cycles in which the PE's adder takes in
    the partial sums from below: p·(q·S + 1).
    """
    chip, mapping = ow.load_chip("eyeriss"), jssc17.mapping(name)
    shape, grid = Shape.of(jssc17.layer(name)), Grid.of(mapping)
    parts = list(passes(shape, grid))
    count = sum(int(p.times[0]) for p in parts)
    multiply = float(latency(shape, Machine.of(chip), grid).multiply[0])
    sums = sum(
        int(p.times[0] * p.images[0]) * shape.F * -(-int(p.filters[0]) // mapping.t) for p in parts
    )
    published = jssc17.PUBLISHED[name].processing * 1e-3 * chip.clock
    return count, published / count, (multiply + sums) / count


def without_psum_gating() -> float:
    """Return the mean error of power if the psum spads worked on at zero inputs, refitted."""
    prices, points = ow.prices(ow.load_chip("eyeriss")), []
    each = sum(prices.find("psum_spad", action).energy for action in ("read", "update"))
    for name, (ours, theirs) in dynamic().items():
        found = jssc17.rows()[name]
        idle = found.macs * jssc17.PUBLISHED[name].zeros * each / found.total * 1e3
        points.append((ours + idle, theirs))
    constant = fitted(points)
    return mean_size(error(ours + constant, theirs) for ours, theirs in points)


def _missed() -> str:
    ours, published = computed(), jssc17.PUBLISHED
    late = {n: 100 * error(ours[n]["processing"], published[n].processing) for n in NAMES}
    total = 100 * error(ours["conv5"]["total"], published["conv5"].total)
    four, five = cycles_a_pass("conv4"), cycles_a_pass("conv5")
    apart = 100 * (four[1] - five[1]) / (four[1] + five[1])
    added = {n: 100 * error(cycles_a_pass(n)[2], cycles_a_pass(n)[1]) for n in NAMES}
    standing = STANDING_ENERGY * ow.load_chip("eyeriss").clock * 1e3
    return (
        "### Not reproduced, and why\n\n"
        f"- **conv4 against conv5.** Their passes are equal in shape ({four[0]} and {five[0]} of "
        f"them), yet by the published times\n  one takes {four[1]:.0f} cycles in conv4 and "
        f"{five[1]:.0f} in conv5. Whatever explains a pass misses one of them by at least\n  "
        f"{apart:.1f} %. Here conv5 is {late['conv5']:.1f} % too slow, and {total:.1f} % in total "
        "latency.\n"
        f"- **conv1 and conv2** are {-late['conv1']:.1f} and {-late['conv2']:.1f} % faster here "
        "than measured. A candidate for the rest: implementations of the\n  PE use one adder for "
        "products and for the partial sum from below, so each sum would cost a cycle, p·(q·S + 1) "
        "a\n  window. But these cycles and the multiplications alone, without any load, would take "
        f"conv5 {added['conv5']:.1f} % longer than\n  measured (conv1: {added['conv1']:+.1f} %, "
        f"conv2: {added['conv2']:+.1f} %), so they cannot be paid in full and are left out.\n"
        f"- **What draws the standing {standing:.0f} mW.** The constant stands for clock, control "
        "and leakage, and for whatever the\n  energies per access (nnd) get wrong. The paper has "
        "no number to check it by; it calls the clock network the largest\n  single consumer.\n"
        "- **Psum spads rest at a zero input.** The paper says that the MAC and the read of the "
        "filter spad are switched off; that\n  the sum is then neither read nor written is a "
        "conclusion. If they worked on, the mean error of power would be "
        f"{100 * without_psum_gating():.1f} %.\n"
        "- **Compression ratios a layer** are only in Fig. 9, which has no numbers to compare with."
    )
