"""A classifier and a diffusion transformer that train on images compiled from `specs/`, on Modal and on this machine."""
