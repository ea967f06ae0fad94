"""What generated examples cost on a busy machine says nothing about what they test: no deadline, always the same ones."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "calm", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("calm")
