"""What the models of purchases cannot say: what is looked for among many rows, and lines that never change."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0035_purchases")]

    initial = False

    operations = [
        both(
            # Those of people nobody knows yet.
            "CREATE INDEX purchase_waiting ON purchase (buyer_hash) WHERE buyer_hash <> ''",
            # What is to be taken back as soon as there is something.
            "CREATE INDEX purchase_earning_owed ON purchase_earning (member_id) WHERE owed_amount > 0",
            # A till knows a card's number and not its kind.
            "CREATE INDEX card_bound_number ON card (number_hash) WHERE status = 'bound'",
        ),
        append_only("purchase_line"),
    ]
