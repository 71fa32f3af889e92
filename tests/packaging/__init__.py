"""Tests of setting up and of what is built for people."""
