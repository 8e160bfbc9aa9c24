"""Says in a form why it was refused, and keeps what was typed."""

from uuid import uuid4

from django import forms

from core.errors import ExpectedFailure
from operations.acts import UsedFormError


def refuse(form: forms.BaseForm, failure: ExpectedFailure) -> None:
    """Add a failure to a form; one that has acted already may be sent as a new one."""
    form.add_error(None, f"{failure.what} {failure.remedy}")
    if isinstance(failure, UsedFormError):
        form.data = form.data.copy()
        form.data["form_id"] = str(uuid4())
