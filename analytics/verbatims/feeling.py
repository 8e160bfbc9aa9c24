"""Learns from texts whose writer told the feeling, and tells the feeling of others. Words belong to `polarity`."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from analytics.verbatims.polarity import Polarity
from analytics.verbatims.text import clean, fold, stems

#: How much a number of `polarity` weighs against a word, and how closely the words are followed: chosen by
#: cross-validation, see docs/verbatims.md.
POLARITY_WEIGHT, INVERSE_REGULARISATION = 0.05, 8.0
_SPREAD = 3  # standard deviations beyond which a number says no more


def bounded(numbers: np.ndarray) -> np.ndarray:
    """Return standardised numbers, cut and weighted against words."""
    return np.clip(numbers, -_SPREAD, _SPREAD) * POLARITY_WEIGHT


def letters(text: str) -> str:
    """Return a text as its letters are compared: cleaned and folded."""
    return fold(clean(text))


def untrained() -> Pipeline:
    """Return the classifier before it has read anything: words, letters and polarity into a logistic regression."""
    written = TfidfVectorizer(
        preprocessor=stems, tokenizer=str.split, token_pattern=None, lowercase=False, ngram_range=(1, 2), sublinear_tf=True
    )
    spelled = TfidfVectorizer(
        preprocessor=letters, lowercase=False, analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True
    )
    felt = make_pipeline(Polarity(), StandardScaler(), FunctionTransformer(bounded))
    return make_pipeline(
        make_union(written, spelled, felt),
        LogisticRegression(C=INVERSE_REGULARISATION, class_weight="balanced", max_iter=2_000),
    )
