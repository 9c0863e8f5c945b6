"""How things look: records in, `Content` out. Pure functions, one module a noun."""
