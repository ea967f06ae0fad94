"""Accounting providers in plain Python: nothing here imports odoo."""

from . import base, dto, errors, quickbooks, registry, xero

__all__ = ['base', 'dto', 'errors', 'quickbooks', 'registry', 'xero']
