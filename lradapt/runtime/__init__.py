"""What a program needs of its process and machine: files, locks, signals, progress, timings."""
