"""Ends the sessions of an account at once, through a stamp in every cookie and token.

The stamp depends on what the metadata database holds of the account: its password, its roles, and a number that a
logout and a closure raise. All gunicorn workers and every copy of the database read the same.
"""

import hashlib
import hmac

from flask import current_app
from flask_appbuilder import Model
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import Column, ForeignKey, Integer, inspect
from sqlalchemy.orm import Session

#: The key of the stamp in a cookie's session, and the claim in a JSON web token.
STAMP = "cyberimpact_stamp"


class SessionEpoch(Model):
    """How often the sessions of an account were ended; an account without a row is at 0."""

    __tablename__ = "cyberimpact_session_epoch"

    user_id = Column(Integer, ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    epoch = Column(Integer, nullable=False, default=0)


def stamp(session: Session, user: User) -> str:
    """Return what the sessions of an account must carry now to be valid."""
    row = session.get(SessionEpoch, user.id)
    groups = {role.id for group in user.groups for role in group.roles}
    held = sorted({role.id for role in user.roles} | groups)
    text = f"{user.id}|{row.epoch if row else 0}|{user.password}|{held}"
    return hmac.new(current_app.secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def end_all(session: Session, user_id: int) -> None:
    """Make every session and token of an account void; the caller commits."""
    row = session.get(SessionEpoch, user_id)
    if row is None:
        session.add(SessionEpoch(user_id=user_id, epoch=1))
    else:
        row.epoch = SessionEpoch.epoch + 1


def end_of_closed(session: Session) -> None:
    """End the sessions of the accounts that a flush closes: an account that is opened again starts without any."""
    for user in session.dirty:
        if isinstance(user, User) and False in (inspect(user).attrs.active.history.added or ()):
            end_all(session, user.id)
