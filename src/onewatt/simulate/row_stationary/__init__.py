"""Eyeriss, running: the row-stationary array, its trace and the replay of a trace."""

from onewatt.simulate.row_stationary.layout import EYERISS as EYERISS
from onewatt.simulate.row_stationary.layout import EyerissArray as EyerissArray
from onewatt.simulate.row_stationary.run import RowStationaryRun as RowStationaryRun
from onewatt.simulate.row_stationary.run import Window as Window
from onewatt.simulate.row_stationary.run import row_stationary as row_stationary
