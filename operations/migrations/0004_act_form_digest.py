from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("operations", "0003_troubles")]

    operations = [
        migrations.AddField(model_name="act", name="form_digest", field=models.TextField(null=True)),
    ]
