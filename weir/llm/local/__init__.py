"""The embedded default model: llama.cpp on loopback, in a child process."""
