"""What to do about memory: smaller contexts, quantized caches, smaller models. No widgets."""
