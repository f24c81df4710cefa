"""Two trainers on images compiled from `specs/`: a classifier and a diffusion transformer, on Modal and on laptops."""
