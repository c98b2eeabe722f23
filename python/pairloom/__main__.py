"""``python -m pairloom``: the same as the command ``pairloom``."""

import sys

from pairloom.cli import main

if __name__ == "__main__":
    sys.exit(main())
