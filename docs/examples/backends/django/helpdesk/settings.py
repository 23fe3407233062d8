"""Settings. The secrets come from environment variables."""

import os
from pathlib import Path

PROJECT = Path(__file__).parents[1]
SECRET_KEY = os.environ.get("SESSION_SECRET", "only for tests")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "escalation_policy.ledgers.django",
    "helpdesk",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "helpdesk.problems.ProblemDetails",
]
ROOT_URLCONF = "helpdesk.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
# libpq, the client of PostgreSQL, reads PGHOST, PGUSER and so on.
DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "ATOMIC_REQUESTS": True}
    if "PGDATABASE" in os.environ
    else {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": PROJECT / "helpdesk.db",
        "ATOMIC_REQUESTS": True,
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        "TEST": {"NAME": PROJECT / "test.db"},  # threads of tests share a file, but not a database in memory
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"  # the server of tests asks for it, although the project has no static files
LOGIN_URL = "/login"
USE_TZ = True
