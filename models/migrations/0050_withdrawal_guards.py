"""What the models of withdrawals cannot say: one open at a time, what is looked at next, rows for good."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0049_withdrawals")]

    initial = False

    operations = [
        both(
            # One at a time, whoever asks at once.
            "CREATE UNIQUE INDEX withdrawal_open ON withdrawal (member_id) WHERE closed_at IS NULL",
            "CREATE INDEX withdrawal_due ON withdrawal (look_at) WHERE look_at IS NOT NULL",
        ),
        append_only("withdrawal_event"),
        append_only("withdrawal_terms"),
    ]
