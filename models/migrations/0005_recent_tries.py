"""When somebody, or something, was tried at lately: five instants in a row, in place of a count per clock hour."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.ids import new_id


class Migration(migrations.Migration):
    dependencies = [("models", "0004_card_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="RecentTries",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("created_at", UtcField(auto_now=False, auto_now_add=True)),
                ("subject", fields.CharField(unique=True, max_length=96)),
                ("tried_at", UtcField(auto_now=False, auto_now_add=False)),
                ("first_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("second_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("third_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("fourth_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
                ("fifth_at", UtcField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "recent_tries", "app": "models", "pk_attr": "id"},
            bases=["TimestampedModel"],
        ),
    ]
