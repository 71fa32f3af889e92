"""Everything that is neither window, server nor terminal; usable from a script."""
