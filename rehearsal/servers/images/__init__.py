"""Base images as vendors publish them, and what is compared of two images."""
