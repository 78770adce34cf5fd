"""Overrides of private APIs of LangChain and openai."""
