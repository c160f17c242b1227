"""Machines that execute real tensors: compressed formats, and the sparse PE of Eyeriss v2."""

from onewatt.simulate.codecs.csc import CscCode as CscCode
from onewatt.simulate.codecs.csc import decode_csc as decode_csc
from onewatt.simulate.codecs.csc import encode_csc as encode_csc
from onewatt.simulate.codecs.rlc import decode_rlc as decode_rlc
from onewatt.simulate.codecs.rlc import encode_rlc as encode_rlc
from onewatt.simulate.eyeriss_v2_pe import SparseRun as SparseRun
from onewatt.simulate.eyeriss_v2_pe import sparse_pe as sparse_pe
