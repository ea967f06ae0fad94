"""Errors of the addon that a person sees."""

from odoo.exceptions import UserError


class EncryptionKeyMissing(UserError):
    """This server cannot read the secrets of the database; nothing is wrong with the connection itself."""


class ConsentRefused(UserError):
    """A consent ended without a connection; the message says why and what to do."""
