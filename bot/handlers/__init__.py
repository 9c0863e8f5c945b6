"""What each command and button does: thin, from a `Request` to a card."""
