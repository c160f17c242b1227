"""What tests of the command line share."""

import pytest

from onewatt.cli import main


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run the command line in an empty folder; return its code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments):
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return go
