"""What a classifier sees of a text: its words, its letters, its polarity, its themes. What it learns is `model`'s."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from analytics.verbatims.polarity import Polarity
from analytics.verbatims.text import clean, fold, stems
from analytics.verbatims.themes import Themes

#: What a number of `polarity`, and a point of `themes`, weighs against a word: chosen by cross-validation, see
#: docs/verbatims.md.
POLARITY_WEIGHT, THEME_WEIGHT = 0.05, 0.3
_SPREAD = 3  # standard deviations beyond which a number says no more


def build() -> FeatureUnion:
    """Return the step that turns texts into numbers."""
    written = TfidfVectorizer(
        preprocessor=stems,
        tokenizer=separated,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, 2),
        sublinear_tf=True,
    )
    spelled = TfidfVectorizer(
        preprocessor=letters, lowercase=False, analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True
    )
    felt = make_pipeline(Polarity(), StandardScaler(), FunctionTransformer(bounded))
    concerned = make_pipeline(Themes(), FunctionTransformer(stressed))
    return make_union(written, spelled, felt, concerned)


def letters(text: str) -> str:
    """Return a text as its letters are compared: cleaned and folded."""
    return fold(clean(text))


def bounded(numbers: np.ndarray) -> np.ndarray:
    """Return standardised numbers of `polarity`, cut and weighted against words."""
    return np.clip(numbers, -_SPREAD, _SPREAD) * POLARITY_WEIGHT


def stressed(points: np.ndarray) -> np.ndarray:
    """Return points of `themes`, weighted against words."""
    return points * THEME_WEIGHT


def separated(words: str) -> list[str]:
    """Return the words that `stems` has set apart by spaces."""
    return words.split(" ")
