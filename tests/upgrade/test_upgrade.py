"""A database that the version before left, connected and with invoices in the books, is taken over by this one.

Older ones take minutes together: `make lifecycle` has them.
"""

from upgrading import DUMPS, take_over


def test_what_was_there_stays(database):
    take_over(DUMPS[-1], database)
