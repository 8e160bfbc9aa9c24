"""The message bus: a broker that speaks AMQP 0-9-1, RabbitMQ, named by a setting; nothing where there is none."""
