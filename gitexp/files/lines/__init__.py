"""Files of lines: series, alerts, output with times."""
