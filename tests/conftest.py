"""What pytest has to know before it collects."""

from hypothesis import settings

pytest_plugins = ["pytester"]

# A busy machine is no fault of the code's.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")
