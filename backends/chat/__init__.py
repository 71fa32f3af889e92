"""Chat formats, shared by all engines: templates, prompts, reasoning, tool calls, stop strings."""
