import modal
