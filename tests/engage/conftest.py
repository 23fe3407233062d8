"""What tests of Engage share. Without httpx, those of the API are not collected."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("httpx") else ["test_api.py"]
