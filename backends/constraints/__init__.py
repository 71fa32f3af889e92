"""What an answer must look like, enforced token by token. Shared by the engines."""
