"""What is kept: conversations, their messages, and what people think of the answers. `docs/storage.md` describes it."""
