"""How the manual is made: its generated pages, its links, its screen recording."""
