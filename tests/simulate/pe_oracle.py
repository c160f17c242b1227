"""The sparse PE of Eyeriss v2 from its description: dense arrays, no codes, no clock.

Every item gets the cycle at which it enters a stage: it must have left the stage before, and the
item before it must have left this one.  Stages: segment address, activation, weight address, weight
row (one cycle for each row of the column), row arrives, multiply, add.
"""

from collections import Counter


def tiles(size, each):
    return [range(i, min(i + each, size)) for i in range(0, size, each)]


def column(weights, rows, c):
    """Non-zeros of a column with their row; a run of 16 zeros that goes on is an explicit zero."""
    words, zeros = [], 0
    for i, m in enumerate(rows):
        if weights[m][c] == 0:
            zeros += 1
            continue
        while zeros > 15:
            zeros -= 16
            words.append((i - zeros - 1, 0))
        words.append((i, weights[m][c]))
        zeros = 0
    return words


def run(inputs, weights, simd, m0, c0):
    positions, channels, outputs = len(inputs), len(inputs[0]), len(weights)
    sums = [[0] * outputs for _ in range(positions)]
    begun = set()
    counts = Counter()
    cycles = mac_cycles = 0
    for cs in tiles(channels, c0):
        for ms in tiles(outputs, m0):
            columns = {c: column(weights, ms, c) for c in cs}
            rows = {c: -(-len(words) // simd) for c, words in columns.items()}
            segments = [[c for c in cs if inputs[p][c]] for p in range(positions)]
            cycles += timing(segments, rows, alone=2 * len(ms) > 32)
            counts["weight address", "fill"] += len(cs) + 1
            counts["weight data", "fill"] += sum(rows.values()) * simd
            loads = activation_loads([len(s) for s in segments])
            counts["iact address", "fill"] += positions + loads
            counts["iact address", "read"] += positions + loads
            for p, segment in enumerate(segments):
                counts["iact data", "fill"] += len(segment)
                counts["iact data", "read"] += len(segment)
                counts["weight address", "read"] += 2 * len(segment)
                counts["psum", "drain"] += len(ms)
                counts["psum", "fill"] += len(ms) if cs[0] else 0
                for c in segment:
                    counts["weight data", "read"] += rows[c] * simd
                    counts["mac", "gated"] += rows[c] * simd - len(columns[c])
                    for i, w in columns[c]:
                        place = (p, ms[i])
                        counts["mac", "compute"] += 1
                        counts["psum", "update"] += 1
                        counts["psum", "read"] += place in begun or cs[0] > 0
                        begun.add(place)
                        sums[p][ms[i]] += inputs[p][c] * w
                    mac_cycles += rows[c]
    return sums, cycles, mac_cycles, {k: n for k, n in counts.items() if n}


def activation_loads(words):
    """Return how many loads of at most 8 segments and 15 words take all segments in turn."""
    loads = held = stored = 0
    for n in words:
        if not loads or held == 8 or stored + n > 15:
            loads, held, stored = loads + 1, 0, 0
        held, stored = held + 1, stored + n
    return loads


def timing(segments, rows, alone):
    """Return the cycles until the last item has left the last stage."""
    free = dict.fromkeys("ABCD", 0)  # when stage 1, 2, 3, 4 can take the next item
    done = 0
    for segment in segments:
        at_a = max(free["A"], done if alone else 0)
        free["A"] = at_a + 1
        done = max(done, free["A"])
        if segment:
            at_b = free["A"] = max(at_a + 1, free["B"])
        for c in segment:
            at_c = max(at_b + 1, free["C"])
            at_b = free["B"] = at_c  # the next activation of the segment is read from now on
            free["C"] = at_c + 1
            if rows[c]:
                at_d = free["C"] = max(at_c + 1, free["D"])
                free["D"] = at_d + rows[c]
                done = max(done, free["D"] + 3)
            done = max(done, free["C"])
    return done
