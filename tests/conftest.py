"""On a busy machine generated examples have no deadline, and they are always the same ones."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "calm", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("calm")
