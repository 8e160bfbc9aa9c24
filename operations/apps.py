"""The Django application of the operations database."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Its models are in `operations.models`."""

    name = "operations"
    default_auto_field = "django.db.models.BigAutoField"
