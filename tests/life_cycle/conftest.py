import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "tests" / "upgrade")]

from devenv import databases, postgres  # noqa: E402


@pytest.fixture
def database():
    name = f"life_cycle_{os.getpid()}"
    with postgres.lease():
        try:
            yield name
        finally:
            databases.drop(name)
