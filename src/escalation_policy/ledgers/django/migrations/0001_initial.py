"""Create the table of calls."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The first layout."""

    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="StoredEntry",
            fields=[
                ("entry_id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("entry", models.TextField()),
                ("first_lapse", models.BigIntegerField(db_index=True)),
                ("last_lapse", models.BigIntegerField()),
            ],
            options={"db_table": "escalation_policy_calls", "verbose_name_plural": "stored entries"},
        ),
    )
