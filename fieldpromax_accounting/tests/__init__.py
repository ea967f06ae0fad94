"""Every test module beside this file, so that none is forgotten."""

import importlib
import pkgutil

for found in pkgutil.iter_modules(__path__):
    if found.name.startswith('test_'):
        importlib.import_module(f'{__name__}.{found.name}')
