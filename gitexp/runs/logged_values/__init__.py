"""What a run logs: values, files and facts."""
