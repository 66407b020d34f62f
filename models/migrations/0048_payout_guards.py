"""What the models of payouts cannot say: a statement is confirmed once, is in one batch at a time, and words are kept."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0047_payouts")]

    initial = False

    operations = [
        both(
            "CREATE UNIQUE INDEX statement_reply_confirmed ON statement_reply (statement_id) WHERE kind = 'confirmed'",
            "CREATE UNIQUE INDEX payout_statement_held ON payout_statement (statement_id) WHERE released_at IS NULL",
        ),
        append_only("statement_reply"),
    ]
