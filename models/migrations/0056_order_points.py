from tortoise import migrations
from tortoise.migrations import operations as ops

from models.fields import CountField


class Migration(migrations.Migration):
    dependencies = [("models", "0055_plan_guards")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Order",
            name="price_points",
            field=CountField(default=0),
        ),
    ]
