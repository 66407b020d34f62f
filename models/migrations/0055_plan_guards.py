"""What the models of plans cannot say: what is looked for among many rows, and what is written for good."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0054_plans")]

    initial = False

    operations = [
        both(
            # Whom to remind of an end.
            "CREATE INDEX paid_membership_ending ON paid_membership (ends_at)",
        ),
        append_only("membership_plan_version"),
        append_only("plan_order"),
        append_only("plan_trial"),
    ]
