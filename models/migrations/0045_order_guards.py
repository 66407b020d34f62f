"""What the models of orders cannot say: what is looked for among many rows, a slot that is somebody's, edges for good."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0044_orders")]

    initial = False

    operations = [
        both(
            # What is given back next.
            "CREATE INDEX sales_order_waiting ON sales_order (expires_at) WHERE state = 'waiting'",
            # What the payment service is asked about next.
            "CREATE INDEX sales_order_due ON sales_order (look_at) WHERE look_at IS NOT NULL",
            "CREATE INDEX order_refund_due ON order_refund (look_at) WHERE look_at IS NOT NULL",
            # The slots of an order, for it to be given back or to become claims.
            "CREATE INDEX claim_slot_of_order ON claim_slot (order_id) WHERE order_id IS NOT NULL",
            # What one refund takes back.
            "CREATE INDEX order_claim_of_refund ON order_claim (refund_id) WHERE refund_id IS NOT NULL",
        ),
        append_only("order_event"),
    ]
