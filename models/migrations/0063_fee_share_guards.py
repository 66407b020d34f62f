"""What the models of shares cannot say: one share per order and merchant, one row back per refund, versions for good."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0062_fee_shares")]

    initial = False

    operations = [
        both(
            "CREATE UNIQUE INDEX plan_share_entry_once ON plan_share_entry (order_id, merchant_id)"
            " WHERE reverses_id IS NULL",
            "CREATE UNIQUE INDEX plan_share_entry_back_once ON plan_share_entry (reverses_id, refund_id)"
            " WHERE reverses_id IS NOT NULL",
        ),
        append_only("plan_share"),
    ]
