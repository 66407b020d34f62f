"""That a list was resumed stays on record."""

from tortoise import migrations

from models.operations import append_only


class Migration(migrations.Migration):
    dependencies = [("models", "0021_grant_resumes")]

    initial = False

    operations = [append_only("grant_resume")]
