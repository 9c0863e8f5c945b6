"""Doors and places: limits, invitations and blocks, groups, one person on several platforms.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
_LIMITS = {
    "messages_per_minute": sa.Integer(),
    "cost_per_day": sa.BigInteger(),
    "cost_per_month": sa.BigInteger(),
}
_TABLES = ("guesses", "links", "places", "invitations", "acquaintances", "budgets")


def _id() -> "sa.Column[int]":
    return sa.Column("id", ID, autoincrement=True, nullable=False)


def _ref(table: str, name: str, target: str, *, cascade: bool = True) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [name],
        [f"{target}.id"],
        name=op.f(f"fk_{table}_{name}_{target}"),
        ondelete="CASCADE" if cascade else None,
    )


def _key(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def upgrade() -> None:
    op.add_column("people", sa.Column("same_as", ID, nullable=True))
    _index("people", "same_as")
    for name, kind in _LIMITS.items():
        op.add_column("avatars", sa.Column(name, kind, nullable=True))
    op.add_column("chats", sa.Column("talkative", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("chats", sa.Column("quiet", sa.String(80), nullable=False, server_default=""))
    op.drop_index("ix_messages_person_id", "messages")
    _index("messages", "person_id", "avatar_id", "id")
    op.create_table(
        "budgets",
        _id(),
        sa.Column("scope", sa.String(8), nullable=False),
        sa.Column("scope_id", ID, nullable=False),
        sa.Column("period", sa.String(10), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("scope IN ('person', 'avatar', 'all')", name=op.f("ck_budgets_scope")),
        _key("budgets"),
        _unique("budgets", "scope", "scope_id", "period"),
        sqlite_autoincrement=True,
    )
    _index("budgets", "period")
    op.create_table(
        "acquaintances",
        _id(),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("met_at", MOMENT, nullable=False),
        sa.Column("invited_at", MOMENT, nullable=True),
        sa.Column("blocked_at", MOMENT, nullable=True),
        _ref("acquaintances", "avatar_id", "avatars"),
        _ref("acquaintances", "person_id", "people"),
        _key("acquaintances"),
        _unique("acquaintances", "avatar_id", "person_id"),
        sqlite_autoincrement=True,
    )
    _index("acquaintances", "avatar_id", "id")
    _index("acquaintances", "person_id")
    op.create_table(
        "invitations",
        _id(),
        sa.Column("avatar_id", ID, nullable=False),
        sa.Column("made_by", ID, nullable=True),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=False),
        _ref("invitations", "avatar_id", "avatars"),
        _ref("invitations", "made_by", "people", cascade=False),
        _key("invitations"),
        _unique("invitations", "code_hash"),
        sqlite_autoincrement=True,
    )
    _index("invitations", "avatar_id", "expires_at")
    _index("invitations", "expires_at")
    op.create_table(
        "places",
        _id(),
        sa.Column("platform", sa.String(16), nullable=False),
        sa.Column("bot", sa.String(64), nullable=False),
        sa.Column("chat", sa.String(64), nullable=False),
        sa.Column("manager_role", sa.String(64), nullable=False),
        _key("places"),
        _unique("places", "platform", "bot", "chat"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "links",
        _id(),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        _ref("links", "person_id", "people"),
        _key("links"),
        _unique("links", "code_hash"),
        sqlite_autoincrement=True,
    )
    _index("links", "person_id")
    _index("links", "expires_at")
    op.create_table(
        "guesses",
        _id(),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        _ref("guesses", "person_id", "people"),
        _key("guesses"),
        sqlite_autoincrement=True,
    )
    _index("guesses", "person_id", "at")
    _index("guesses", "at")
    # Whoever talked to an avatar before this knows it.
    op.execute(
        "INSERT INTO acquaintances (avatar_id, person_id, met_at)"
        " SELECT avatar_id, person_id, MIN(created_at) FROM messages"
        " WHERE person_id IS NOT NULL GROUP BY avatar_id, person_id"
    )
    # What was spent before this counts against the limits of its month.
    op.execute(
        "INSERT INTO budgets (scope, scope_id, period, cost)"
        " SELECT 'avatar', avatar_id, month, SUM(cost) FROM spending"
        " GROUP BY avatar_id, month HAVING SUM(cost) > 0"
    )
    op.execute(
        "INSERT INTO budgets (scope, scope_id, period, cost)"
        " SELECT 'all', 0, month, SUM(cost) FROM spending GROUP BY month HAVING SUM(cost) > 0"
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("ix_messages_person_id_avatar_id_id", "messages")
    _index("messages", "person_id")
    op.drop_column("chats", "quiet")
    op.drop_column("chats", "talkative")
    for name in _LIMITS:
        op.drop_column("avatars", name)
    op.drop_index("ix_people_same_as", "people")
    op.drop_column("people", "same_as")
