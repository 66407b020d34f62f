"""What was told before a draw was published is told for ever: it is what happened that is compared with it."""

from tortoise import migrations

from models.operations import append_only


class Migration(migrations.Migration):
    dependencies = [("models", "0041_draw_simulations")]

    initial = False

    operations = [append_only("draw_simulation")]
