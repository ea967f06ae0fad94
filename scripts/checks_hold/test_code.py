"""The working tree passes its gates."""

import checks
import pytest


@pytest.mark.parametrize("gate", [*checks.GATES])
def test_the_tree_passes(gate):
    assert checks.GATES[gate]() == ""
