"""Telegram as a platform: updates become `Incoming`, and what is said becomes messages."""

import os

# Without this, python-telegram-bot warns at each 429 that the wait will be a timedelta; it reads
# the variable every time and has no other switch.
os.environ.setdefault("PTB_TIMEDELTA", "true")
