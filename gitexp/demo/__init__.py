"""The project that `gitexp demo` sets up: data, a training script and its parameters, copied as they are."""
