"""Pictures of many experiments at once."""
