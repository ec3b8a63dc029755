"""What is claimed about speed, measured again by `make bench`."""
