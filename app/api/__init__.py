"""The local server: one port that speaks the dialects existing clients know."""
