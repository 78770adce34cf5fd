"""What everything else is built on: run events, their JSON, redaction."""
