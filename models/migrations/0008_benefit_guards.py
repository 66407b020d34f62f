"""What the models of benefits, claims and redemptions cannot say: partial uniques, narrow indexes, append-only tables."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0007_benefits")]

    initial = False

    operations = [
        both(
            # One clerkship per merchant and member at a time; a revoked one stays for the record.
            "CREATE UNIQUE INDEX clerk_one_active ON clerk (merchant_id, member_id) WHERE revoked_at IS NULL",
            # A use is taken back once.
            "CREATE UNIQUE INDEX redemption_one_reversal ON redemption (reverses_id) WHERE reverses_id IS NOT NULL",
            # The next free codes of a pool, in the order in which they came in.
            "CREATE INDEX pool_code_free ON pool_code (pool_id, id) WHERE claim_id IS NULL",
            # A claim has one code at most.
            "CREATE UNIQUE INDEX pool_code_claim ON pool_code (claim_id) WHERE claim_id IS NOT NULL",
            # What the sweep of expiry looks at.
            "CREATE INDEX claim_expiring ON claim (expires_at) WHERE state IN ('issued', 'partly_used')",
        ),
        append_only("offer_version"),
        append_only("stock_change"),
        append_only("claim_event"),
        append_only("redemption"),
        append_only("redemption_attempt"),
    ]
