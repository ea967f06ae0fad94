"""Puts the folders of the contract and of the faults on the path, as the program does."""

import fuzzing  # noqa: F401
