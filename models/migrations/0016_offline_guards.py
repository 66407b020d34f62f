"""What the models of offline redemption cannot say: partial uniques, narrow indexes, append-only tables."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0015_offline")]

    initial = False

    operations = [
        both(
            # What a pack is made of: claims that can be redeemed, and those that were called back.
            "CREATE INDEX claim_of_benefit ON claim (benefit_id, id) WHERE state IN ('issued', 'revoked')",
            # Whose scans compete on a day.
            "CREATE INDEX offline_scan_contending ON offline_scan (business_on, claim_id) WHERE is_contending",
            # One case per hand-over that did not count.
            "CREATE UNIQUE INDEX offline_conflict_scan ON offline_conflict (scan_id) WHERE scan_id IS NOT NULL",
            "CREATE UNIQUE INDEX offline_conflict_displaced ON offline_conflict (displaced_id)"
            " WHERE displaced_id IS NOT NULL",
        ),
        append_only("offline_sync"),
        append_only("offline_scan"),
        append_only("offline_verdict"),
    ]
