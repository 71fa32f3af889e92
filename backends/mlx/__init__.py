"""The MLX engine: runs MLX folders through mlx-lm, on Apple silicon and elsewhere."""
