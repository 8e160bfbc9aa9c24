"""A definition is kept as the same bytes by every version of the code: its hashes stand in ledgers and evidence."""

import hashlib
import json
from dataclasses import replace

from audit.definitions import KpiDefinition, model_checksum
from core.content_store import canonical
from tests.audit.world import definition

#: Computed by the code that kept definitions as plain JSON objects.
SHA256_OF_THE_FILE = "07f72f46e9c4df5b6c63b941a1fa39f5907f717240e0b5bb7975553aacfe64f5"
MODEL_CHECKSUM = "884cf7f92924aa874b91063cc5ce4bdd61f99825bac99898c2f3e033d7c1dda7"


def test_hashes_of_definitions_never_change() -> None:
    kept = canonical(definition().to_json())
    assert hashlib.sha256(kept).hexdigest() == SHA256_OF_THE_FILE
    assert model_checksum({"visits": definition()}) == MODEL_CHECKSUM
    assert KpiDefinition.from_json(json.loads(kept)) == definition()


def test_a_definition_of_the_first_publications_is_read() -> None:
    kept = definition().to_json()
    del kept["steps"], kept["shown"]
    assert KpiDefinition.from_json(kept).shown == ()


def test_a_stock_says_so_and_the_one_of_the_first_publications_is_known() -> None:
    kpi = definition().kpi
    assert not definition().counts_latest
    assert replace(definition(), kpi={**kpi, "aggregation": "latest"}).counts_latest
    assert replace(definition(), kpi={**kpi, "code": "followers"}).counts_latest, "kept before it was declared"
