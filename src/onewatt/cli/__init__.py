"""The command line: verbs on files.  It does no arithmetic and imports nothing heavy to say so."""

from onewatt.cli.main import main as main
