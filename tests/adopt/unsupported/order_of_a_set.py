import modal

image = modal.Image.debian_slim("3.12").apt_install(*{"git", "curl"})
