"""From files to one timeline."""
