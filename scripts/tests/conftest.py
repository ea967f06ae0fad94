"""The scripts' own tests: nothing is downloaded, and `.dev` is a temporary folder wherever something is written."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from devenv import steps


@pytest.fixture
def dev(tmp_path, monkeypatch):
    """A working tree of its own for the steps."""
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "DEV", tmp_path / ".dev")
    monkeypatch.setattr(steps, "LOGS", tmp_path / ".dev" / "logs")
    monkeypatch.setattr(steps, "STAMPS", tmp_path / ".dev" / "stamps")
    (tmp_path / ".dev").mkdir()
    return tmp_path / ".dev"
