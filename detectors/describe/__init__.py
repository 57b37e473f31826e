"""Tallies -> figures for people to read; no decision is made from them."""
