"""Findings made of what happened: places with their lines, names as the program writes them."""
