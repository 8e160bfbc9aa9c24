"""From a message in a real RabbitMQ to a figure that is shown, and an event out again."""

import json
from datetime import UTC, datetime

import pytest
import yaml
from kombu import Producer, Queue

from operations.alerts.dispatch import dispatch
from operations.bus import broker, consumer
from operations.models import Delivery
from tests import rabbitmq
from tests.e2e.line import Line

TARGET = ("pre_plainte", "declarations")
FIGURE = (
    "select sum(numerator) from kpi.kpi_value where kpi_code = 'pre_complaints' and period_type = 'day'"
    " and territory_level = 'nation' and breakdown_dimension = 'total'"
)


def declaration(number: int, departement: str) -> dict[str, object]:
    return {
        "stats_id": number,
        "stats_debut_declaration": "2026-01-05 10:00:00",
        "stats_fin_declaration": "2026-01-05 10:07:30",
        "stats_dpt_unite": departement,
        "stats_pers_physique": 1,
        "stats_pers_morale": 0,
    }


def test_from_a_message_to_a_figure_and_an_event_out_again(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
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
            records = [declaration(1, "06"), declaration(2, "75C"), declaration(3, "33") | {"stats_id": None}]
            sender.publish(
                json.dumps(records).encode(),
                routing_key=".".join(TARGET),
                content_type="application/json",
                content_encoding="utf-8",
                message_id="lot-1",
            )
            consumer.consume(connection, lambda: not Delivery.objects.exists())
        said = line.succeed("load", "pre_plainte")
        assert "pre_plainte: 3 read, 2 new, 0 updated, 0 unchanged, 1 quarantined" in said
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.body) == ("loaded", None)
        assert (delivery.outcome["accepted"], delivery.outcome["quarantined"]) == (2, 1)

        line.succeed("build", "--select", "fct_pre_complaint+ freshness")
        line.succeed("publish")
        assert [float(value) for (value,) in line.rows(FIGURE)] == [2.0]

        assert dispatch(line.home, datetime.now(UTC)).failures == ()
        with broker.connected() as connection:
            message = events.bind(connection.channel()).get(no_ack=True)
            assert message is not None
            event = json.loads(message.body)
        assert (event["type"], event["subject"]) == ("cyberimpact.publication.made", "publication/daily")
        assert message.properties["message_id"] == event["id"]
        assert message.content_type == "application/cloudevents+json"
