"""SFTP as a file system whose server has to prove who it is: fsspec's own accepts any host key."""

from pathlib import Path
from stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from core.errors import ExpectedFailure

CONNECT_SECONDS, SILENT_SECONDS = 10.0, 60.0


class KnownHostFileSystem(SFTPFileSystem):
    """Files of a server whose host key is known.

    Args:
        host: Its name.
        known_hosts: File of the host keys, as OpenSSH writes it.
        ssh_kwargs: As `paramiko.SSHClient.connect`.

    Raises:
        ExpectedFailure: the host key is unknown or another one, or the account is refused.
        OSError, paramiko.SSHException: nobody answers as an SFTP server does.
    """

    cachable = False

    def __init__(self, host: str, known_hosts: Path, **ssh_kwargs: Any) -> None:
        self._known_hosts = known_hosts
        super().__init__(host, **ssh_kwargs)

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        try:
            self._log_in()
        except (_UnknownHostError, paramiko.BadHostKeyException) as problem:
            does = "is not in" if isinstance(problem, _UnknownHostError) else "shows another host key than"
            raise ExpectedFailure(
                f"The SFTP server {self.host} {does} {self._known_hosts}: no account was sent to it.",
                "Ask who runs it for its host key, and write that into the file.",
            ) from None
        except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as problem:
            raise ExpectedFailure(
                f"The SFTP server {self.host} refuses the account ({type(problem).__name__}).",
                "Check user, password or key file.",
            ) from None
        finally:
            if not hasattr(self, "ftp"):
                self.client.close()

    @staticmethod
    def _decode_stat(stat: paramiko.SFTPAttributes, parent_path: str | None = None) -> dict[str, Any]:
        """Describe a file; what is none, such as a pipe, as `other`."""
        found = SFTPFileSystem._decode_stat(stat, parent_path)
        return found if S_IFMT(stat.st_mode or 0) in (S_IFREG, S_IFDIR, S_IFLNK) else found | {"type": "other"}

    def _log_in(self) -> None:
        if self._known_hosts.exists():
            self.client.load_system_host_keys(str(self._known_hosts))
        self.client.set_missing_host_key_policy(_Refuse())
        seconds = dict.fromkeys(("timeout", "banner_timeout", "auth_timeout", "channel_timeout"), CONNECT_SECONDS)
        self.client.connect(self.host, **self.ssh_kwargs, **seconds)
        self.ftp = self.client.open_sftp()
        self.ftp.get_channel().settimeout(SILENT_SECONDS)


class _UnknownHostError(paramiko.SSHException):
    """The host key of a server is not known."""


class _Refuse(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        raise _UnknownHostError(hostname)
