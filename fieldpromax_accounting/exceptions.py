"""Errors of the addon that a person sees, and those of the database that are no record's fault."""

import psycopg2
from odoo.exceptions import UserError

# A conflict with another transaction (the whole step is repeated), or a connection that is gone: never to be taken for
# a fault of the record at hand.
DATABASE_TROUBLE = (psycopg2.OperationalError, psycopg2.InterfaceError)


class EncryptionKeyMissing(UserError):
    """This server cannot read the secrets of the database; nothing is wrong with the connection itself."""


class ConsentRefused(UserError):
    """A consent ended without a connection; the message says why and what to do."""
