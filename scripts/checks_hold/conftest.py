"""The checks of `make lint` that cost little, as the last level of `make test`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
