"""Alerts: rules of gitexp.yaml that a run is looked at by while it goes on, and what is done then."""
