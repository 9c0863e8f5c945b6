"""Servers on the loopback that stand in for others, and what a person does there."""
