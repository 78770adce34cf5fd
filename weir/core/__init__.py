"""What every other room is built on: run events, their JSON, redaction of secrets."""
