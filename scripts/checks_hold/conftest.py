"""The checks of `make lint`, as levels of `make test`: the code beside the others, the logs of the run at its end."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
