"""Databases that older versions left are taken over as well; the version before this one is tried by `make test`."""

import pytest
from upgrading import DUMPS, name_of, take_over


@pytest.mark.parametrize("dump", DUMPS[:-1], ids=name_of)
def test_what_was_there_stays(dump, database):
    take_over(dump, database)
