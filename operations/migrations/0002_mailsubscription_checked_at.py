from django.db import migrations, models

import core.clock


class Migration(migrations.Migration):
    dependencies = [("operations", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="mailsubscription",
            name="checked_at",
            field=models.DateTimeField(default=core.clock.now),
        ),
    ]
