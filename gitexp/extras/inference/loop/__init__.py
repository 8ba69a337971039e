"""Loops: an editor changes the code of the best experiment, round by round, and verdicts say what is kept."""
