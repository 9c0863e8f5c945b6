"""A model provider on this machine: a program of its own that speaks the OpenAI API."""
