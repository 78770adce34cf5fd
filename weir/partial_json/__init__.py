"""Incremental JSON parser with schema validation. It does not know runs or events of LangChain."""
