"""Measured work, side by side with what it is compared to. ``make bench`` runs all of it; see ``__main__.py``."""
