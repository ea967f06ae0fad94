"""What all plain tests share: no Odoo in this process; generated examples have no deadline, because a machine may be
busy, and are always the same ones."""

import without_odoo
from hypothesis import HealthCheck, settings

without_odoo.register()

settings.register_profile(
    'calm', deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile('calm')
