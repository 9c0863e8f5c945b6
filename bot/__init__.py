"""How people reach it: commands, wording and thin platforms."""
