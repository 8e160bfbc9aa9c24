"""What Superset's own page saves of a chart that nobody touched is what `adopt` leaves out."""

import json

import pytest
from supersync import adopt, charts

from tests.superset.test_browser import browser, outside, page  # noqa: F401 - fixtures


@pytest.mark.parametrize("viz", sorted(charts.VIZ))
def test_the_options_of_a_new_chart_are_known(server, client, bundle, page, viz):  # noqa: F811
    dataset = next(dataset for dataset in bundle.datasets if dataset.slug == "rpt_kpi")
    number = client.ids("dataset")[dataset.uuid]
    with page.expect_request(lambda asked: asked.method == "POST" and "/explore/form_data" in asked.url) as asked:
        page.goto(f"{server.url}/explore/?viz_type={viz}&datasource_id={number}&datasource_type=table")
    form = json.loads(asked.value.post_data_json["form_data"])
    options = {
        name: value for name, value in form.items() if not adopt.is_said(viz, name) and value not in (None, "", [], {})
    }
    chosen = {
        name: value
        for name, value in options.items()
        if not name.startswith("matrixify_") and name != "time_grain_sqla"
    }
    assert chosen == {name: value for name, value in adopt.defaults(viz).items() if name in chosen}
