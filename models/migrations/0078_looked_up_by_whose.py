from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0077_daily_caps")]

    initial = False

    operations = [
        ops.AddIndex(
            model_name="BoundNumber",
            index=Index(fields=["member_id"]),
        ),
        ops.AddIndex(
            model_name="ClaimSlot",
            index=Index(fields=["claim_id"]),
        ),
        ops.AddIndex(
            model_name="Clerk",
            index=Index(fields=["member_id"]),
        ),
        ops.AddIndex(
            model_name="Consent",
            index=Index(fields=["member_id"]),
        ),
        ops.AddIndex(
            model_name="Follower",
            index=Index(fields=["member_id"]),
        ),
        ops.AddIndex(
            model_name="LevelChange",
            index=Index(fields=["member_id", "id"]),
        ),
        ops.AddIndex(
            model_name="LevelRightGiven",
            index=Index(fields=["member_id"]),
        ),
        ops.AddIndex(
            model_name="MembershipTerm",
            index=Index(fields=["member_id"]),
        ),
        ops.AddIndex(
            model_name="Store",
            index=Index(fields=["merchant_id"]),
        ),
        ops.AddIndex(
            model_name="StockChange",
            index=Index(fields=["offer_id"]),
        ),
        ops.AddIndex(
            model_name="Invitation",
            index=Index(fields=["member_id"]),
        ),
    ]
