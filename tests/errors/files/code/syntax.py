import modal

app = modal.App('x'
image = None
