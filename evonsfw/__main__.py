"""`python -m evonsfw`."""

from evonsfw.cli import main

if __name__ == "__main__":
    main()
