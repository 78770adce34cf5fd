"""The log of runs: the run, the recorder that writes it, the store that holds it, the recording file."""
