"""Discord as a platform: events become `Incoming`, and what is said becomes messages."""

import warnings

# On Python 3.11 and 3.12 discord.py imports audioop, which warns that 3.13 has it no more.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import discord  # noqa: F401  (from here on it is loaded)
