from tortoise import migrations
from tortoise.migrations import operations as ops

from models.fields import UtcField
from models.rebuild import RebuildTable


class Migration(migrations.Migration):
    dependencies = [("models", "0075_operator_addresses")]

    initial = False

    operations = [
        RebuildTable(
            model,
            [
                ops.AddField(
                    model_name=model,
                    name="reminded_at",
                    field=UtcField(null=True, auto_now=False, auto_now_add=False),
                )
            ],
        )
        for model in ("Parcel", "DuePrize")
    ]
