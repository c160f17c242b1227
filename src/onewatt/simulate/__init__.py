"""Machines that execute real tensors: codecs, the sparse PE of Eyeriss v2, the array of Eyeriss."""

from onewatt.simulate.codecs.csc import CscCode as CscCode
from onewatt.simulate.codecs.csc import decode_csc as decode_csc
from onewatt.simulate.codecs.csc import encode_csc as encode_csc
from onewatt.simulate.codecs.rlc import decode_rlc as decode_rlc
from onewatt.simulate.codecs.rlc import encode_rlc as encode_rlc
from onewatt.simulate.eyeriss.layout import EYERISS as EYERISS
from onewatt.simulate.eyeriss.layout import EyerissArray as EyerissArray
from onewatt.simulate.eyeriss.replay import Replay as Replay
from onewatt.simulate.eyeriss.replay import replay as replay
from onewatt.simulate.eyeriss.run import RowStationaryRun as RowStationaryRun
from onewatt.simulate.eyeriss.run import Window as Window
from onewatt.simulate.eyeriss.run import row_stationary as row_stationary
from onewatt.simulate.eyeriss.trace import trace_csv as trace_csv
from onewatt.simulate.eyeriss.trace import trace_perfetto as trace_perfetto
from onewatt.simulate.eyeriss_v2_pe import SparseRun as SparseRun
from onewatt.simulate.eyeriss_v2_pe import sparse_pe as sparse_pe
