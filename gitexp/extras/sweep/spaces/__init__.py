"""The points of grids, and the values that a search may choose."""
