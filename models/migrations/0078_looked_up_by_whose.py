from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

LOOKED_UP_BY = {
    "BoundNumber": ["member_id"],
    "ClaimSlot": ["claim_id"],
    "Clerk": ["member_id"],
    "Consent": ["member_id"],
    "Follower": ["member_id"],
    "LevelChange": ["member_id", "id"],
    "LevelRightGiven": ["member_id"],
    "MembershipTerm": ["member_id"],
    "Store": ["merchant_id"],
    "StockChange": ["offer_id"],
    "Invitation": ["member_id"],
}


class Migration(migrations.Migration):
    dependencies = [("models", "0077_daily_caps")]

    initial = False

    operations = [ops.AddIndex(model_name=model, index=Index(fields=fields)) for model, fields in LOOKED_UP_BY.items()]
