"""Recognises rumours by how posts spread: few originals, many shares, fast, unknown sources."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

_ENOUGH_POSTS = 10
_FEW_ORIGINALS_SHARE = 0.2
_MANY_SHARES = 10
_FAST_SECONDS = 3_600.0
_LOW_AUTHORITY_FOLLOWERS = 1_000
_UNKNOWN_SOURCES_SHARE = 0.5


@dataclass(frozen=True)
class Post:
    """A post or a share."""

    post_id: str
    at: datetime
    followers: int
    shared_id: str | None = None
    """The original that it repeats."""


@dataclass(frozen=True)
class Pattern:
    """How posts spread; None where the posts do not show a feature."""

    originals_share: float
    """Posts that repeat none, over all."""
    shares_of_the_first: int
    """Shares of the most shared original."""
    half_spread_seconds: float | None
    """From the first share of the most shared original to half of its shares."""
    low_authority_share: float | None
    """Of shares whose original is known, those of an original from an account with few followers."""

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks of a rumour that these posts bear, in French, as an alert names them."""
        found = {
            "peu de messages d'origine": self.originals_share <= _FEW_ORIGINALS_SHARE,
            "très partagé": self.shares_of_the_first >= _MANY_SHARES,
            "diffusion rapide": self.half_spread_seconds is not None and self.half_spread_seconds <= _FAST_SECONDS,
            "sources peu suivies": self.low_authority_share is not None
            and self.low_authority_share >= _UNKNOWN_SOURCES_SHARE,
        }
        return tuple(mark for mark, borne in found.items() if borne)

    @property
    def is_rumour_like(self) -> bool:
        """At least three of the four marks, and no known source: much and fast is shared an authority's notice, too."""
        is_from_known = self.low_authority_share is not None and self.low_authority_share < _UNKNOWN_SOURCES_SHARE
        return len(self.marks) >= 3 and not is_from_known  # noqa: PLR2004


def pattern(posts: Sequence[Post]) -> Pattern | None:
    """Return how posts spread, or None below ten posts, which are too few.

    Source of the features: Kwon, Cha, Jung, Chen, Wang (2013), Prominent features of rumor propagation in online social
    media, IEEE ICDM, 1103-1108; Vosoughi, Roy, Aral (2018), The spread of true and false news online, Science 359,
    1146-1151. The limits are ours, and stand in this module.
    """
    if len(posts) < _ENOUGH_POSTS:
        return None
    originals = {post.post_id: post for post in posts if post.shared_id is None}
    shares = Counter(post.shared_id for post in posts if post.shared_id is not None)
    first, most = min(shares.items(), key=lambda shared: (-shared[1], shared[0])) if shares else (None, 0)
    moments = sorted(post.at for post in posts if post.shared_id is not None and post.shared_id == first)
    known = {shared: count for shared, count in shares.items() if shared in originals}
    unknown_sources = sum(
        count for shared, count in known.items() if originals[shared].followers < _LOW_AUTHORITY_FOLLOWERS
    )
    return Pattern(
        originals_share=len(originals) / len(posts),
        shares_of_the_first=most,
        half_spread_seconds=median((moment - moments[0]).total_seconds() for moment in moments) if moments else None,
        low_authority_share=unknown_sources / sum(known.values()) if known else None,
    )
