"""Accounting providers in plain Python: nothing here imports odoo."""

from . import base, dto, errors, registry, xero

__all__ = ['base', 'dto', 'errors', 'registry', 'xero']
