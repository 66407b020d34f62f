from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0072_seen_devices")]

    initial = False

    operations = [
        ops.AddIndex(
            model_name="Store",
            index=Index(fields=["latitude_e6", "longitude_e6"]),
        ),
    ]
