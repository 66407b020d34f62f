"""What the models of grants cannot say: a member once per list, one reading of a file at a time, append-only tables."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0017_grants")]

    initial = False

    operations = [
        both(
            """CREATE UNIQUE INDEX grant_row_member ON grant_row (grant_id, member_id)
            WHERE member_id IS NOT NULL AND claim_id IS NULL AND state <> 'refused'""",
            "CREATE UNIQUE INDEX grant_row_claim ON grant_row (grant_id, claim_id) WHERE claim_id IS NOT NULL",
            # A reading that was broken off is found again by what the file holds.
            "CREATE UNIQUE INDEX grant_batch_reading ON grant_batch (offer_id, file_hash) WHERE state = 'reading'",
            # The parts of a package: asked for whenever one is given back or taken back.
            "CREATE INDEX claim_package ON claim (package_id) WHERE package_id IS NOT NULL",
        ),
        append_only("granted_claim"),
        append_only("regrant"),
    ]
