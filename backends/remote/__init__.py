"""Models on other machines, behind any server that speaks OpenAI's chat completions."""
