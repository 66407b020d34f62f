"""What the models of levels cannot say: what was published, every step, and every right that was given stay."""

from tortoise import migrations

from models.operations import append_only


class Migration(migrations.Migration):
    dependencies = [("models", "0030_levels")]

    initial = False

    operations = [
        append_only("level_ladder"),
        append_only("ladder_level"),
        append_only("level_change"),
        append_only("level_right_given"),
    ]
