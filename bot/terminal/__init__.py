"""The terminal as a platform: interactive, or line by line when standard input is no terminal."""
