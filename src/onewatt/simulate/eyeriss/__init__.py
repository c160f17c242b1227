"""Eyeriss, running: the row-stationary array, its trace and the replay of a trace."""

from onewatt.simulate.eyeriss.layout import EYERISS as EYERISS
from onewatt.simulate.eyeriss.layout import EyerissArray as EyerissArray
from onewatt.simulate.eyeriss.replay import Replay as Replay
from onewatt.simulate.eyeriss.replay import replay as replay
from onewatt.simulate.eyeriss.run import RowStationaryRun as RowStationaryRun
from onewatt.simulate.eyeriss.run import Window as Window
from onewatt.simulate.eyeriss.run import row_stationary as row_stationary
from onewatt.simulate.eyeriss.trace import TraceRow as TraceRow
from onewatt.simulate.eyeriss.trace import trace_csv as trace_csv
from onewatt.simulate.eyeriss.trace import trace_perfetto as trace_perfetto
from onewatt.simulate.eyeriss.trace import trace_table as trace_table
