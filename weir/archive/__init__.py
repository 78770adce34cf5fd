"""The archive: ended runs as compressed recordings in the data folder, found by an index in the database."""
