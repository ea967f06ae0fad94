"""Accounting providers in plain Python: nothing here imports odoo."""

from . import base, dto, errors, quickbooks, registry, webhooks, xero

__all__ = ['base', 'dto', 'errors', 'quickbooks', 'registry', 'webhooks', 'xero']
