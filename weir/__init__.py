"""Weir: the network panel for LangChain. Runs chains, records what they stream, and measures it."""

__version__ = "0.1.0"
