"""The page in a real browser. `make browser` installs one and runs these."""
