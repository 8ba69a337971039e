"""Many runs at once: which params they have, without input or output."""
