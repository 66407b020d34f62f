"""What the models of suppliers cannot say: one open order per claim and one that was done, append-only attempts."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0011_fulfillments")]

    initial = False

    operations = [
        both(
            # Two orders at once for one claim could both be done, and both be paid for.
            "CREATE UNIQUE INDEX fulfillment_one_live ON fulfillment (claim_id)"
            " WHERE state IN ('waiting', 'sent', 'accepted', 'done')",
            # What operators compare with a supplier's books.
            "CREATE INDEX fulfillment_of_supplier ON fulfillment (supplier_id, state, id)",
            # What is looked at next.
            "CREATE INDEX fulfillment_due ON fulfillment (look_at) WHERE state IN ('waiting', 'sent', 'accepted')",
        ),
        append_only("fulfillment_attempt"),
    ]
