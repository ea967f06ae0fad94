"""Simulators of the accounting providers, for development, demonstrations and tests.

They import nothing from the addon, and the addon nothing from them: their rules and arithmetic are written
from the providers' documented behaviour alone, so that a mistake is not made twice and called agreement.
"""
