"""The library's public face: what `import weir` gives, and the pytest plugin."""
