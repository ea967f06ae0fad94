"""Accounting providers in plain Python: nothing here imports odoo."""

from . import base, dto, errors, registry
from . import xero

__all__ = ['base', 'dto', 'errors', 'registry', 'xero']
