"""Vanilla: a place where friends share browser games that talk to language models."""

__version__ = "0.1.0"
