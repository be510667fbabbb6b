"""NTU RGB+D and NTU-SYN: what the archive holds, which pairs it gives, and their clips."""
