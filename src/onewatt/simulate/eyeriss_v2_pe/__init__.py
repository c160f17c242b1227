"""The sparse PE of Eyeriss v2, running: compressed activations times compressed weights."""

from onewatt.simulate.eyeriss_v2_pe.machine import SparseRun as SparseRun
from onewatt.simulate.eyeriss_v2_pe.machine import sparse_pe as sparse_pe
