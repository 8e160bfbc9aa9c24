from django.db import migrations, models

import core.clock


class Migration(migrations.Migration):
    dependencies = [("operations", "0005_exchange")]

    operations = [
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("node", models.TextField(default="")),
                ("process", models.TextField(default="")),
                ("beat", models.PositiveBigIntegerField(default=0)),
                ("renewed_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={"db_table": "leases"},
        ),
    ]
