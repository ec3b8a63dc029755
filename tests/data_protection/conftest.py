"""Examples may take as long as they take: what is measured here is compared, not timed against a clock."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
