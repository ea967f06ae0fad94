"""QuickBooks Online: the provider, its data mapping, its rules and its errors."""

from .client import QuickBooksProvider

__all__ = ['QuickBooksProvider']
