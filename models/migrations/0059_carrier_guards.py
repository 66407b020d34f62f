"""What the models of carrier billing cannot say: what is written for good."""

from tortoise import migrations

from models.operations import append_only


class Migration(migrations.Migration):
    dependencies = [("models", "0058_carrier_billing")]

    initial = False

    operations = [
        append_only("carrier_terms"),
        append_only("carrier_credit"),
    ]
