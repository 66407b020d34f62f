"""What the models of co-branded membership cannot say: joining once, and what is written for good."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0064_co_brands")]

    initial = False

    operations = [
        both("CREATE UNIQUE INDEX co_brand_membership_once ON co_brand_membership (co_brand_id, member_id)"),
        append_only("co_brand_visit"),
        append_only("co_brand_membership"),
        append_only("co_brand_subsidy"),
    ]
