"""Lets `python -m embedding_lab` stand for the command `embedding-lab`."""

from embedding_lab.cli import main

if __name__ == "__main__":
    main()
