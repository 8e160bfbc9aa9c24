"""From a message in a real RabbitMQ to a figure on a dashboard, and an event out again."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from kombu import Producer, Queue
from supersync import bundle as bundles
from supersync.apply import apply

from operations.alerts.dispatch import dispatch
from operations.bus import broker, consumer
from operations.models import Delivery
from tests import rabbitmq
from tests.e2e.line import Line
from tests.superset import conftest as real
from tests.superset import queries

CHART = "course_of_pre_complaints"
TARGET = ("pre_plainte", "declarations")
FIGURE = (
    "select sum(numerator) from kpi.kpi_value where kpi_code = 'pre_complaints' and period_type = 'day'"
    " and territory_level = 'nation' and breakdown_dimension = 'total'"
)


def declaration(number: int, departement: str, day: str = "2026-01-05") -> dict[str, object]:
    return {
        "stats_id": number,
        "stats_debut_declaration": f"{day} 10:00:00",
        "stats_fin_declaration": f"{day} 10:07:30",
        "stats_dpt_unite": departement,
        "stats_pers_physique": 1,
        "stats_pers_morale": 0,
    }


def shown_on_a_dashboard(line: Line, folder: Path) -> list[float]:
    """Return the values of the chart of online pre-complaints, as a real Superset gives them to its dashboard."""
    manifest = line.home.dbt_target / "manifest.json"
    with real.superset_of(line.home, folder, lambda: manifest) as superset, superset.client() as client:
        bundle = bundles.load(real.BUNDLE, manifest)
        apply(client, bundle, superset.database_uri)
        chart = next(chart for chart in bundle.charts if chart.slug == CHART)
        dashboard = next(dashboard for dashboard in bundle.dashboards if dashboard.slug == "vue-densemble")
        answer = queries.run(client, chart, queries.default_filters(bundle, dashboard, CHART))
    return [row["valeur"] for row in answer["data"] if row["valeur"] is not None]


def test_from_a_message_to_a_figure_and_an_event_out_again(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CYBERIMPACT_HOME", str(line.home.root))
    subscriptions = line.desk / "subscriptions.yml"
    entry = {"recipient": "esb", "role": "esb", "channel": "bus", "address": "cyberimpact.events", "wants": ["events"]}
    subscriptions.write_text(yaml.safe_dump({"subscriptions": [entry]}))
    monkeypatch.setenv("CYBERIMPACT_SUBSCRIPTIONS", str(subscriptions))
    with rabbitmq.serving() as rabbit:
        monkeypatch.setenv(broker.SETTING, rabbit.url)
        with broker.connected() as connection:
            broker.declare(connection, [TARGET])
            channel = connection.channel()
            events = Queue("partner", broker.EVENTS, "cyberimpact.publication.#", durable=True)(channel)
            events.declare()
            sender = Producer(channel, broker.RECORDS, auto_declare=False)
            records = [declaration(1, "06"), declaration(2, "75C"), declaration(3, "33", "2026-02-02")]
            records.append(declaration(4, "33") | {"stats_id": None})
            sender.publish(
                json.dumps(records).encode(),
                routing_key=".".join(TARGET),
                content_type="application/json",
                content_encoding="utf-8",
                message_id="lot-1",
            )
            consumer.consume(connection, lambda: not Delivery.objects.exists())
        said = line.succeed("load", "pre_plainte")
        assert "pre_plainte: 4 read, 3 new, 0 updated, 0 unchanged, 1 quarantined" in said
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.body) == ("loaded", None)
        assert (delivery.outcome["accepted"], delivery.outcome["quarantined"]) == (3, 1)

        line.succeed("build", "--select", "fct_pre_complaint+ freshness")
        line.succeed("publish")
        assert [float(value) for (value,) in line.rows(FIGURE)] == [3.0]
        assert shown_on_a_dashboard(line, tmp_path) == [2.0], "January: it is over, since February has begun"

        assert dispatch(line.home, datetime.now(UTC)).failures == ()
        with broker.connected() as connection:
            message = events.bind(connection.channel()).get(no_ack=True)
            assert message is not None
            event = json.loads(message.body)
        assert (event["type"], event["subject"]) == ("cyberimpact.publication.made", "publication/daily")
        assert message.properties["message_id"] == event["id"]
        assert message.content_type == "application/cloudevents+json"
