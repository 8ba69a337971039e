"""Everything looked at before a run begins."""
