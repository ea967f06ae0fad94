"""Xero: the provider, its data mapping, its rules and its errors."""

from .client import XeroProvider

__all__ = ['XeroProvider']
