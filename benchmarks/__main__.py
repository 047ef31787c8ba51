"""`python -m benchmarks`: see `benchmarks.everything`, which spawned processes can import."""

from benchmarks.everything import main

if __name__ == "__main__":
    main()
