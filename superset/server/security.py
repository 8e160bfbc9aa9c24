"""What the project adds to Superset's own security: a query belongs to who asked it. Roles are in `policies`."""

from typing import Any

from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
from superset.exceptions import SupersetSecurityException
from superset.security import SupersetSecurityManager
from superset.utils.core import get_user_id


class SecurityManager(SupersetSecurityManager):
    """Superset's, stricter."""

    def raise_for_access(self, *args: Any, **kwargs: Any) -> None:
        """Refuse what the account may not see.

        A query of SQL Lab keeps the SQL with the row rules of who asked it, and Superset runs it as it stands for
        whoever names it, in an export or a chart: so nobody but its owner may.

        Raises:
            SupersetSecurityException: the account may not see it.
        """
        context = kwargs.get("query_context")
        for query in (kwargs.get("query"), kwargs.get("datasource"), context and context.datasource):
            owner = getattr(query, "user_id", None)
            if owner is not None and owner != get_user_id() and not self.is_admin():
                raise SupersetSecurityException(
                    SupersetError(
                        message="Cette requête est celle d'un autre compte.",
                        error_type=SupersetErrorType.QUERY_SECURITY_ACCESS_ERROR,
                        level=ErrorLevel.ERROR,
                    )
                )
        super().raise_for_access(*args, **kwargs)
