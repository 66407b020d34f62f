"""What the models of cards, links and operators cannot say: partial uniques, append-only triggers."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0003_cards_and_operators")]

    initial = False

    operations = [
        both(
            # One card of a kind is the member's own; after a merge the other one stays valid beside it.
            "CREATE UNIQUE INDEX card_one_primary ON card (programme_id, kind_id, member_id)"
            " WHERE is_primary AND status = 'bound'",
            "CREATE UNIQUE INDEX bound_number_active ON bound_number (number_hash) WHERE status = 'active'",
            # Whoever reads a member's cards reads those of the members merged into them as well.
            "CREATE INDEX member_merged_into ON member (canonical_id) WHERE canonical_id IS NOT NULL",
            "CREATE UNIQUE INDEX review_one_open ON review (kind, pair) WHERE state = 'open'",
        ),
        append_only("audit_entry"),
        append_only("audit_seal"),
    ]
