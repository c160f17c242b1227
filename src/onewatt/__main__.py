"""``python -m onewatt`` is the command line."""

import sys

from onewatt.cli import main

sys.exit(main())
