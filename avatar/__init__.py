"""What an avatar is and may do: pure rules and use-cases, without SQL and without any SDK."""
