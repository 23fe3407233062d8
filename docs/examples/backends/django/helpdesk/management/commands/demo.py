"""Create the tables, load messages, and serve the backend on port 8000."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Run three commands."""

    help = __doc__

    def handle(self, **_options: Any) -> None:
        """Run them."""
        call_command("migrate")
        call_command("load_messages")
        call_command("runserver", use_reloader=False)
