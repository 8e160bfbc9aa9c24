"""The sentiment model as an asset: trained on published texts, put into service when it passes its gate."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from assets.failures import ending_the_step
from core import settings
from warehouse import published

if TYPE_CHECKING:
    from analytics.text.evaluation import Estimate
    from analytics.text.service import Verdict

KEY = dg.AssetKey(["analytics", "feeling_model"])
GATE = "not_worse_than_the_one_in_service"

#: Texts with the feelings that their writers gave, in a stable order.
_LABELLED_TEXTS = """
    select texts.text, texts.told_feeling
    from perception.fct_verbatim as texts
    inner join perception.fct_verbatim_kind as kinds on texts.verbatim_id = kinds.verbatim_id
    where texts.told_feeling is not null and kinds.set_aside is null
    order by texts.written_on desc, texts.verbatim_id
"""


def labelled_texts(home: settings.Home) -> list[tuple[str, str]]:
    """Return the published texts whose writers gave their feeling, the latest first.

    Raises:
        ExpectedFailure: nothing is published.
    """
    with published.connect(home) as connection:
        return connection.execute(_LABELLED_TEXTS).fetchall()


@dg.asset(
    key=KEY,
    deps=[["serving", "daily"]],
    group_name="analytics",
    owners=["team:experience-usagers"],
    kinds={"python"},
    pool="warehouse",  # no build reads a model while it is swapped
    check_specs=[
        dg.AssetCheckSpec(
            GATE,
            asset=KEY,
            blocking=True,
            description=(
                "On the frozen fifth of the texts, which no model learns from, the macro-F1 of the new model is not "
                "surely (at 5 %) below that of the one in service. A model that is serves nobody."
            ),
        )
    ],
    description=(
        "What says the feeling of a text whose writer does not. The next build reads the model in service, and names "
        "its version beside each answer."
    ),
)
def feeling_model() -> Iterator[dg.MaterializeResult]:
    """Train a model, and put it into service if it passes.

    Raises:
        dg.Failure: too few citizens have given their feeling, or nothing is published.
    """
    from analytics.text import model, service  # scikit-learn: only this run needs it

    home = settings.home()
    try:
        with ending_the_step():
            verdict = service.offer(home.feeling_models, labelled_texts(home))
    except (model.TooFewTexts, service.TooFewFrozen) as failure:
        raise dg.Failure(
            description=f"No model was made: {failure}. The one in service, if any, stays.", allow_retries=False
        ) from None
    yield dg.MaterializeResult(
        metadata=metadata(verdict),
        data_version=dg.DataVersion(verdict.version),
        check_results=[dg.AssetCheckResult(check_name=GATE, passed=verdict.is_accepted, metadata=judgement(verdict))],
    )


def metadata(verdict: "Verdict") -> dict:
    """Return what is known of a model, as Dagster shows it."""
    card = verdict.card
    return {
        "version": verdict.version,
        "in_service": verdict.is_accepted,
        "data_fingerprint": card.fingerprint,
        "texts_learnt": sum(card.texts.values()),
        "texts_by_label": dg.MetadataValue.json(card.texts),
        "cross_validated_macro_f1": card.metrics["macro_f1"]["value"],
        "calibration_error": card.metrics["calibration_error"],
        "metrics": dg.MetadataValue.json(card.metrics),
    }


def judgement(verdict: "Verdict") -> dict:
    """Return what the gate has seen."""
    return {
        "against": verdict.against or "no model in service: the commonest feeling",
        "frozen_texts": verdict.texts,
        "macro_f1": shown(verdict.macro_f1),
        "gain_in_macro_f1": shown(verdict.gain),
    }


def shown(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
