"""Which versions have a model, and whose words are in what was taught.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TUNED = sa.text("fine_tuned_model_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_avatar_training_data_model",
        "avatar_training_data",
        ["fine_tuned_model_id"],
        sqlite_where=TUNED,
        postgresql_where=TUNED,
    )
    op.create_table(
        "taught_people",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("taught_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["taught_id"],
            ["taught.id"],
            name=op.f("fk_taught_people_taught_id_taught"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
            name=op.f("fk_taught_people_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taught_people")),
        sqlite_autoincrement=True,
    )
    for column in ("taught_id", "person_id"):
        op.create_index(f"ix_taught_people_{column}", "taught_people", [column])
    # Of what was taught before it is known who asked, as long as that is remembered.
    op.execute(
        "INSERT INTO taught_people (taught_id, person_id) "
        "SELECT taught.id, messages.person_id FROM taught "
        "JOIN messages ON messages.id = taught.reply_id WHERE messages.person_id IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_table("taught_people")
    op.drop_index("ix_avatar_training_data_model", "avatar_training_data")
