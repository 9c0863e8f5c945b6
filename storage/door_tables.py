"""The tables of doors and places: what may be spent, who is let in, who runs a group, and accounts
that are one person. They belong to the same metadata as those of `storage.tables`.
"""

import sqlalchemy as sa

from storage.columns import AUTO, Id, Line, Moment, id_, metadata, ref

# What was spent, added up by day and month for a person, an avatar and the installation: a limit
# is looked up in a handful of rows. What a reply or a training may cost at most is put in before
# it begins and set right when it has ended.
budgets = sa.Table(
    "budgets",
    metadata,
    id_(),
    sa.Column("scope", sa.String(8), nullable=False),
    sa.Column("scope_id", Id, nullable=False),  # 0: the installation
    sa.Column("period", sa.String(10), nullable=False),  # "2026-11-28", "2026-11"
    sa.Column("cost", sa.BigInteger, nullable=False),
    sa.CheckConstraint("scope IN ('person', 'avatar', 'all')", name="scope"),
    sa.UniqueConstraint("scope", "scope_id", "period"),
    sa.Index(None, "period"),
    **AUTO,
)

# Who met which avatar: whom its owners see, invited and blocked.
acquaintances = sa.Table(
    "acquaintances",
    metadata,
    id_(),
    ref("avatar_id", "avatars", cascade=True),
    ref("person_id", "people", cascade=True),
    sa.Column("met_at", Moment, nullable=False),
    sa.Column("invited_at", Moment),
    sa.Column("blocked_at", Moment),
    sa.UniqueConstraint("avatar_id", "person_id"),
    sa.Index(None, "avatar_id", "id"),
    sa.Index(None, "person_id"),
    **AUTO,
)

# Doors into private avatars. The code itself is not kept: only who was given it has it.
invitations = sa.Table(
    "invitations",
    metadata,
    id_(),
    ref("avatar_id", "avatars", cascade=True),
    ref("made_by", "people", nullable=True),
    sa.Column("code_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("uses", sa.Integer, nullable=False),
    sa.Column("most_uses", sa.Integer, nullable=False),
    sa.Index(None, "avatar_id", "expires_at"),
    sa.Index(None, "expires_at"),
    **AUTO,
)

# Groups and servers: which role there may choose who speaks (Discord).
places = sa.Table(
    "places",
    metadata,
    id_(),
    sa.Column("platform", sa.String(16), nullable=False),
    sa.Column("bot", sa.String(64), nullable=False),
    sa.Column("chat", Line(64), nullable=False),
    sa.Column("manager_role", Line(64), nullable=False),
    sa.UniqueConstraint("platform", "bot", "chat"),
    **AUTO,
)

# One-time codes of /link, and wrong guesses at them.
links = sa.Table(
    "links",
    metadata,
    id_(),
    ref("person_id", "people", cascade=True),
    sa.Column("code_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("used_at", Moment),
    sa.Index(None, "person_id"),
    sa.Index(None, "expires_at"),
    **AUTO,
)

guesses = sa.Table(
    "guesses",
    metadata,
    id_(),
    ref("person_id", "people", cascade=True),
    sa.Column("at", Moment, nullable=False),
    sa.Index(None, "person_id", "at"),
    sa.Index(None, "at"),
    **AUTO,
)
