"""The engine room: engines behind one interface, run in child processes."""
