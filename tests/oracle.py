"""A literal machine: walks a loop nest step by step with sets and counters.

It defines what the counts are and is written from that definition alone:

* every memory holds exactly its current tile; when the tile moves, only the words that were not
  there a moment ago are fetched;
* per step, a parent is read once for each distinct word that is new to any receiver which its
  network lets share; without sharing, once for each receiver;
* a partial sum that enters a tile for the first time needs no read, and one receiver carries it;
* what leaves a tile is added to the parent; the sums of receivers that reduce leave as one.

Slow and obvious on purpose; it imports nothing of onewatt.
"""

from __future__ import annotations

import itertools
from collections import Counter

COMPUTE = "compute"


def interval(extent, loops, indices):
    """Cut 0..extent by the loops of one rank; an empty interval has lo == hi."""
    lo, hi = 0, extent
    for (_, _, tile, *_), index in zip(loops, indices, strict=True):
        lo = lo + index * tile
        hi = min(lo + tile, hi)
        if lo >= hi:
            return 0, 0
    return lo, hi


def trips(extent, loops):
    """Static trip count of each loop of one rank."""
    counts = []
    for _, _, tile, *_ in loops:
        counts.append(-(-extent // tile))
        extent = min(extent, tile)
    return counts


class Sharing:
    """Who shares a read on a network, for arrays within arrays, outermost first.

    Instances of the last array within one instance of the others are a group.  ``grouped``: those
    of one group that want a word get it by one read.  ``interleaved``: those at the same place of
    their groups.  ``broadcast``: everybody.  ``multicast``: everybody along `axes`.
    """

    def __init__(self, mode, arrays, axes):
        self.mode, self.arrays, self.axes = mode, arrays, axes

    def together(self, one, other):
        """Whether two receivers, each {axis: place}, share a read."""
        apart = {axis for axis in one if one[axis] != other[axis]}
        inside = set(self.arrays[-1])
        if self.mode == "unicast":
            return not apart
        if self.mode == "broadcast":
            return True
        if not apart <= set(self.axes):
            return False  # out of reach
        if self.mode == "grouped":
            return apart <= inside  # of one group
        if self.mode == "interleaved":
            return not apart & inside  # at one place
        return True


class Machine:
    """A nest of ("T", rank, tile), ("S", rank, tile, axis) and ("M", memory, tensors) nodes.

    tensors: {name: [[(rank, coefficient), ...] per dimension]}; the last name is the output.
    share: {(child, tensor): axes whose receivers share a read, or reduce for the output}, or how
    they share, as a Sharing;
    forwards: {(child, tensor)} where a word at any receiver of the group can be passed on.
    """

    def __init__(self, ranks, tensors, nodes, share=None, forwards=frozenset()):
        self.ranks, self.tensors, self.nodes = ranks, tensors, nodes
        self.output = list(tensors)[-1]
        self.share, self.forwards = share or {}, forwards
        self.loops = [n for n in nodes if n[0] != "M"]
        self.trips = [0] * len(self.loops)
        for rank, extent in ranks.items():
            mine = [i for i, loop in enumerate(self.loops) if loop[1] == rank]
            for i, n in zip(mine, trips(extent, [self.loops[i] for i in mine]), strict=True):
                self.trips[i] = n
        self.depth, at = {}, 0  # how many loops lie above each memory
        for node in nodes:
            if node[0] == "M":
                self.depth[node[1]] = at
            else:
                at += 1
        self.depth[COMPUTE] = at
        self.keeps = {n[1]: n[2] for n in nodes if n[0] == "M"}
        self.counts = Counter()
        self.at = {}  # the same by instance
        self.cycles = 0
        self.active = 0

    def note(self, where, place, tensor, action, words):
        self.counts[where, tensor, action] += words
        self.at.setdefault((where, tensor, action), Counter())[place] += words

    def first(self, where, tensor, action):
        """What the first instance does; its tiles are the largest."""
        origin = tuple(0 if x[0] == "S" else None for x in self.loops[: self.depth[where]])
        return self.at.get((where, tensor, action), Counter())[origin]

    def chain(self, tensor):
        """Memories that keep a tensor, outermost first, then compute."""
        return [m for m in self.keeps if tensor in self.keeps[m]] + [COMPUTE]

    def instances(self, where):
        """Every setting of the spatial loops above a place."""
        above = range(self.depth[where])
        spans = [range(self.trips[i]) if self.loops[i][0] == "S" else (None,) for i in above]
        return list(itertools.product(*spans))

    def tile(self, where, tensor, time, place):
        """The words of a tensor one instance holds (or, for compute, uses) now."""
        ranges = {}
        for rank, extent in self.ranks.items():
            mine = [i for i in range(self.depth[where]) if self.loops[i][1] == rank]
            chosen = [time[i] if place[i] is None else place[i] for i in mine]
            lo, hi = interval(extent, [self.loops[i] for i in mine], chosen)
            if lo == hi:
                return frozenset()
            ranges[rank] = range(lo, hi)
        dims = []
        for terms in self.tensors[tensor]:
            used = [ranges[r] for r, _ in terms]
            coefficients = [c for _, c in terms]
            dims.append(
                {
                    sum(c * i for c, i in zip(coefficients, p, strict=True))
                    for p in itertools.product(*used)
                }
            )
        return frozenset(itertools.product(*dims))

    def steps(self):
        """All settings of the temporal loops in order, those without any work left out."""
        spans = [
            range(n) if loop[0] == "T" else (0,)
            for loop, n in zip(self.loops, self.trips, strict=True)
        ]
        origin = tuple(0 if loop[0] == "S" else None for loop in self.loops)
        for time in itertools.product(*spans):
            if self.tile(COMPUTE, self.output, time, origin):
                yield time

    def run(self):
        """Execute all steps and return the counts."""
        pairs = [(t, p, c) for t in self.tensors for p, c in itertools.pairwise(self.chain(t))]
        held = {}  # (place, tensor) -> {instance: tile}
        places = {w: self.instances(w) for w in self.depth}
        self.partial = {(m, i): {} for m in self.keeps for i in places[m]}
        now = {}
        for time in self.steps():
            self.cycles += 1
            now = {
                (w, t): {i: self.tile(w, t, time, i) for i in places[w]}
                for t in self.tensors
                for w in self.chain(t)
            }
            self.active = max(self.active, sum(bool(x) for x in now[COMPUTE, self.output].values()))
            self.move(pairs, held, now)
            held = now
        empty = {key: {i: frozenset() for i in tiles} for key, tiles in now.items()}
        self.move(pairs, held, empty)
        return self.counts

    def groups(self, parent, child, tensor, everything=False):
        """Receivers of each parent instance, split into those that share."""
        axes = self.share.get((child, tensor), frozenset())
        if isinstance(axes, Sharing) and not everything:
            return self.together(axes, parent, child)
        found = {}
        for place in self.instances(child):
            above = place[: self.depth[parent]]
            between = [
                None if everything or self.loops[i][3] in axes else x
                for i, x in enumerate(place)
                if i >= len(above) and x is not None
            ]
            found.setdefault((above, tuple(between)), []).append(place)
        return found

    def together(self, sharing, parent, child):
        """Receivers of each parent instance, one by one put beside those that they share with."""
        sets = {}
        for place in self.instances(child):
            above = place[: self.depth[parent]]
            axes = {axis for array in sharing.arrays for axis in array}
            at = {axis: [] for axis in axes}
            for i, x in enumerate(place):
                if i >= len(above) and x is not None:
                    at[self.loops[i][3]].append(x)
            for n in itertools.count():
                members = sets.setdefault((above, (n,)), [])
                if not members or sharing.together(members[0][0], at):
                    members.append((at, place))
                    break
        return {key: [place for _, place in members] for key, members in sets.items()}

    def move(self, pairs, old, new):
        """One step: sums leave from the inside out, then words enter from the outside in."""
        for tensor, parent, child in reversed(pairs):
            if tensor == self.output and child != COMPUTE and old:
                self.leave(parent, child, old[child, tensor], new[child, tensor])
        for tensor, parent, child in pairs:
            before = old.get((child, tensor), {})
            if tensor != self.output:
                self.fetch(tensor, parent, child, before, new[child, tensor])
            elif child != COMPUTE:
                self.enter(parent, child, before, new[child, tensor])
            else:
                self.accumulate(parent, new[child, tensor])

    def fetch(self, tensor, parent, child, old, new):
        """Words of an input that are new to a receiver."""
        fresh = {i: new[i] if child == COMPUTE else new[i] - old.get(i, frozenset()) for i in new}
        for place, words in fresh.items():
            self.note(child, place, tensor, "delivered", len(words))
            if child != COMPUTE:
                self.note(child, place, tensor, "fill", len(words))
        for (above, _), members in self.groups(parent, child, tensor).items():
            words = frozenset().union(*(fresh[i] for i in members))
            if (child, tensor) in self.forwards and child != COMPUTE:
                words -= frozenset().union(*(old.get(i, frozenset()) for i in members))
            self.note(parent, above, tensor, "read", len(words))

    def enter(self, parent, child, old, new):
        """Partial sums that no receiver of a parent held a moment ago."""
        for (above, _), members in self.groups(parent, child, self.output, True).items():
            before = frozenset().union(*(old.get(i, frozenset()) for i in members))
            for i in members:
                for word in new[i] - old.get(i, frozenset()):
                    self.partial[child, i][word] = False
            for word in frozenset().union(*(new[i] for i in members)) - before:
                if self.partial[parent, above].get(word):
                    carrier = next(i for i in members if word in new[i])
                    self.partial[child, carrier][word] = True
                    self.partial[parent, above][word] = False  # lent
                    self.note(parent, above, self.output, "read", 1)
                    self.note(child, carrier, self.output, "fill", 1)

    def leave(self, parent, child, old, new):
        """Partial sums that are no longer in the tile, added to the parent group by group."""
        for i in old:
            self.note(child, i, self.output, "drain", len(old[i] - new[i]))
        for (above, _), members in self.groups(parent, child, self.output).items():
            after = frozenset().union(*(new[i] for i in members))
            for word in frozenset().union(*(old[i] for i in members)) - after:
                self.update(parent, above, word)

    def accumulate(self, parent, new):
        """The products of one step, added to the innermost memory."""
        for (above, _), members in self.groups(parent, COMPUTE, self.output).items():
            for word in frozenset().union(*(new[i] for i in members)):
                self.update(parent, above, word)
        self.counts[COMPUTE, self.output, "compute"] += sum(map(len, new.values()))

    def update(self, memory, place, word):
        held = self.partial[memory, place]
        self.note(memory, place, self.output, "read", bool(held.get(word)))
        self.note(memory, place, self.output, "update", 1)
        held[word] = True
