"""Rewriting of streamed text: Markdown blocks, sanitizer, formulas, invisible characters."""
