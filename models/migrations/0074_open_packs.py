from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0073_store_positions")]

    initial = False

    operations = [
        ops.AddIndex(
            model_name="OfflineSync",
            index=Index(fields=["merchant_id", "business_on"]),
        ),
    ]
