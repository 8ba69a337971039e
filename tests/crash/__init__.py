"""Campaigns that try to make gitexp lose something: `make crash` runs them whole, `make test` a sample."""
