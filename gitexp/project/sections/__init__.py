"""The sections of gitexp.yaml that few projects have."""
