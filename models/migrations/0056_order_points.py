from tortoise import migrations
from tortoise.migrations import operations as ops

from models.fields import CountField
from models.rebuild import RebuildTable


class Migration(migrations.Migration):
    dependencies = [("models", "0055_plan_guards")]

    initial = False

    operations = [
        RebuildTable(
            "Order",
            [ops.AddField(model_name="Order", name="price_points", field=CountField(default=0))],
            postgres=[
                'ALTER TABLE "sales_order" ADD COLUMN "price_points" INT CHECK ("price_points" >= 0)'
                " NOT NULL DEFAULT 0",
                'ALTER TABLE "sales_order" ALTER COLUMN "price_points" DROP DEFAULT',
            ],
            copy={"price_points": "0"},
        ),
    ]
