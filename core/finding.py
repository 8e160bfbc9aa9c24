"""What a check of the installation finds."""

from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "late", "broken"]


@dataclass(frozen=True)
class Finding:
    """What a check has found: its subject, the state of it, and what to do where that is not `ok`."""

    subject: str
    state: State
    detail: str
    remedy: str = ""

    def line(self) -> str:
        return f"{self.state:<7} {self.subject:<24} {self.detail}" + (f" → {self.remedy}" if self.remedy else "")

    def as_json(self) -> dict[str, str]:
        return asdict(self)
