from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.fields import CountField
from models.rebuild import RebuildTable


class Migration(migrations.Migration):
    dependencies = [("models", "0076_prize_reminders")]

    initial = False

    operations = [
        RebuildTable(
            "Merchant",
            [
                ops.AddField(model_name="Merchant", name=name, field=CountField(null=True))
                for name in ("clerk_daily_redemptions", "clerk_daily_reversals")
            ],
        ),
        ops.AddIndex(model_name="Redemption", index=Index(fields=["clerk_id", "redeemed_at"])),
    ]
