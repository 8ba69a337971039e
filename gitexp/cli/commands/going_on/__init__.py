"""Commands that go on from an experiment."""
