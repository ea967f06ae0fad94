"""The providers that this installation knows, by name."""

from __future__ import annotations

_providers: dict[str, type] = {}


def register(provider_class):
    """Class decorator: make a provider known under its ``name``."""
    _providers[provider_class.name] = provider_class
    return provider_class


def unregister(name):
    _providers.pop(name, None)


def get(name):
    """:raise KeyError: unknown provider."""
    return _providers[name]


def selection():
    """``[(name, label)]``, for a Selection field."""
    return [(name, provider_class.label) for name, provider_class in sorted(_providers.items())]
