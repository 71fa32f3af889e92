"""The llama.cpp engine, on the low-level functions of llama-cpp-python."""
