"""`python -m kerasbert`: the command, where its script is not on the path."""

import sys

from kerasbert.cli import main

sys.exit(main())
