"""What the models of distribution cannot say: one commission per order and level, one row back per refund, what is due."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0052_distribution")]

    initial = False

    operations = [
        both(
            "CREATE UNIQUE INDEX commission_once ON commission (order_id, level) WHERE reverses_id IS NULL",
            "CREATE UNIQUE INDEX commission_back_once ON commission (reverses_id, refund_id) WHERE reverses_id IS NOT NULL",
            # What is looked at next: whether its day is known, and whether that day has come.
            "CREATE INDEX commission_due ON commission (state, due_at) WHERE due_at IS NOT NULL",
            # Who owes: netted as soon as there is something.
            "CREATE INDEX ledger_account_owing ON ledger_account (member_id) WHERE kind = 'receivable' AND posted < 0",
        ),
        append_only("commission_rule"),
        append_only("order_promoter"),
    ]
