"""What makes a result believable: protected files."""
