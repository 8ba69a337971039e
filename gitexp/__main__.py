"""`python -m gitexp`."""

from gitexp.cli.main import main

if __name__ == "__main__":
    main()
