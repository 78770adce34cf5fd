"""Entry point of `python -m weir`, which is the `weir` command."""

import sys

from weir.cli.main import main

sys.exit(main())
