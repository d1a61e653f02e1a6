"""`python -m otwatch`."""

from otwatch.cli import main

if __name__ == "__main__":
    main(prog_name="otwatch")
