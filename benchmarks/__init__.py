"""Side-by-side timings of gitexp, DVC and Git itself on generated work; `README.md` says how to read them."""
